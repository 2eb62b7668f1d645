"""The kind `instruction`: its settings and tasks; what else a kind may have is in `factory.tasks.kind`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from factory.seeds.published_formats import (
    AlpacaFormat,
    DollyFormat,
    MessagesFormat,
    OpenOrcaFormat,
    PromptFormat,
    SelfInstructFormat,
)
from factory.seeds.seed import Seed
from factory.tasks.instruction.seeds import InstructionFormat
from factory.tasks.instruction.settings import InstructionData
from factory.tasks.kind import PREFERRED, Kind, Prompting, Row

if TYPE_CHECKING:
    from factory.chat_formats.format import ChatFormat
    from factory.tasks.instruction.scorer import InstructionScorer
    from factory.tasks.instruction.taskset import InstructionTaskset
    from factory.tasks.sample import Sample, Task
    from factory.tools.registry import RunTool
    from factory.tools.spec import ToolSpec


class Instruction(Kind[InstructionData, "InstructionTaskset"]):
    """A new instruction and its answer."""

    name = "instruction"
    settings = InstructionData
    own_format = InstructionFormat
    seed_formats = (
        MessagesFormat,
        SelfInstructFormat,
        DollyFormat,
        OpenOrcaFormat,
        PromptFormat,
        InstructionFormat,
        AlpacaFormat,
    )
    templates = ("instruction",)
    free_text = True
    default_checks = (
        "schema",
        "finish_reason",
        "degenerate",
        "length",
        # A proposal in other words is no new one: Alpaca's threshold.
        {"dedup": {"threshold": 0.7}},
        "decontamination",
    )
    refused_checks = {
        "execution": "the kind instruction has no calls to carry out",
        "agreement": "an instruction has no answer that could be compared",
    }
    shows_samples = True
    main_metric = PREFERRED
    asked_in = "instruction_answer.j2"
    prompting = Prompting(
        teacher="the instruction and its input",
        base="the instruction and its input; free text",
        student="the instruction and its input; free text",
        examples=False,
    )
    editable = ("question", "input", "answer")
    tags = ("instruction-tuning",)
    export_columns = ("instruction", "input", "output")
    column_notes = {"instruction": "`instruction`, `input`, `output`: the same in Alpaca's form"}

    def setting_faults(self, data: Row) -> Iterator[tuple[str, str]]:
        if isinstance(answers := data.get("samples_per_prompt"), int) and answers > 1:
            yield "samples_per_prompt", "each proposal is drawn once; ask for more samples with count"

    def require_references(self, held_out: list[Seed]) -> None:
        """Ask for none: where a held-out task has no answer, the teacher's own is what others are compared
        with."""

    def taskset(
        self,
        data: InstructionData,
        seeds: list[Seed],
        tools: list[ToolSpec],
        run: RunTool,
        seed: int,
        own: Path | None,
    ) -> InstructionTaskset:
        from factory.tasks.instruction.taskset import InstructionTaskset

        return InstructionTaskset(seeds, examples=data.examples, seed=seed, evolve=data.evolve, own=own)

    def plan_identity(self, data: InstructionData, tools: list[ToolSpec], own_source: str | None) -> Row:
        return super().plan_identity(data, tools, own_source) | {"evolve": data.evolve}

    def requests_per_answer(self, data: InstructionData) -> int:
        return 2 + data.evolve  # the proposal, each rewriting of it, the answer

    def scorer(
        self, taskset: InstructionTaskset, held_out: list[Seed], chat_format: ChatFormat
    ) -> InstructionScorer:
        from factory.tasks.instruction.scorer import InstructionScorer

        return InstructionScorer(taskset)

    def remake(
        self, changed: Row, changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
    ) -> Sample:
        from factory.inference.request import Answer
        from factory.tasks.instruction.taskset import answered

        return answered(task, Answer(changed["request_key"], changed["answer"] or "", "stop", 0, 0, 0.0), own)

    def export_values(self, stored: Row) -> Row:
        return {
            "instruction": stored["question"],
            "input": stored["input"],
            "output": stored["answer"],
        }
