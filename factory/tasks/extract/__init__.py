"""The kind `extract`: a text, and the fields that it holds as JSON."""

from factory.tasks.extract.kind import Extract

KIND = Extract()
