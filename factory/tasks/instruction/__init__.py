"""The kind `instruction`: a new instruction and its answer."""

from factory.tasks.instruction.kind import Instruction

KIND = Instruction()
