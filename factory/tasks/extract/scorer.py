"""How held-out texts are put to a model that is to find their fields, and which of them it found."""

import json
from collections.abc import Mapping
from typing import Any

from factory.tasks.extract.taskset import ExtractTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, bare
from factory.text.strict_json import JsonFault, strict_json
from factory.text.thinking import without_thinking


class ExtractScorer:
    """Fields: right are all of the reference's and no other. A student sees the text alone."""

    metrics = ACCURACY
    tools: list[dict[str, Any]] | None = None

    def __init__(self, taskset: ExtractTaskset):
        self._taskset, self._form = taskset, taskset.form

    def ask(self, candidate: Asked, task: Task) -> list[dict[str, Any]]:
        """Return schema, examples and text for the teacher, the bare text for others."""
        return self._taskset.ask(task) if candidate.few_shot else bare(task.question)

    def schema(self, candidate: Asked) -> dict[str, Any] | None:
        """Return the fields' schema for the teacher; others write freely."""
        return self._form.schema if candidate.few_shot else None

    def judge(self, candidate: Asked, task: Task, text: str) -> dict[str, Any]:
        """Read the fields and compare."""
        value, _, _ = self._form.read(text)
        return {
            "call": None,
            "result": None if value is None else self._form.written(value),
            "parsed": value is not None,
            "same_call": False,
            "right_answer": value is not None and self._form.compared(value) == self._taskset.expected(task),
        }

    def parts(self, prediction: Mapping[str, Any]) -> dict[str, bool]:
        """Return of each field whether it is right in an answer; an object that the schema refuses counts
        with those of its fields that are."""
        try:
            value = strict_json(without_thinking(prediction["output"]))
        except JsonFault:
            value = None
        if not isinstance(value, dict):
            return dict.fromkeys(self._form.names, False)
        return self._form.same_fields(value, json.loads(prediction["reference"]))

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the reference as it is written."""
        return "", self._form.written(json.loads(task.reference))
