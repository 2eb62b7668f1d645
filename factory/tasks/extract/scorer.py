"""How held-out texts are put to a model that is to find their fields, and which of them it found."""

import json
from collections.abc import Mapping
from typing import Any

from factory.tasks.extract.taskset import ExtractTaskset
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, Dialogue, bare
from factory.tasks.taskset import Ask
from factory.text.strict_json import JsonFault, strict_json
from factory.text.thinking import without_thinking


class ExtractScorer:
    """Fields: right are all of the reference's and no other. A student sees the text alone."""

    metrics = ACCURACY
    judge, judged = f"{__package__}.portable", tuple(ACCURACY)

    def __init__(self, taskset: ExtractTaskset):
        self._taskset, self._form = taskset, taskset.form

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Ask with schema and examples, held to the schema, where the model is the teacher; the bare text of
        others, who write freely. Read the fields and compare."""
        if candidate.few_shot:
            answer = yield Ask(self._taskset.ask(task), self._form.schema)
        else:
            answer = yield Ask(bare(task.question))
        value, _, _ = self._form.read(answer.text)
        return {
            "call": None,
            "result": None if value is None else self._form.written(value),
            "parsed": value is not None,
            "same_call": False,
            "right_answer": value is not None and self._form.compared(value) == self._taskset.expected(task),
        }

    @property
    def about(self) -> dict[str, Any]:
        """What the judge of others has to know: the schema."""
        return {"schema": self._form.schema}

    def expected(self, task: Task) -> Any:
        """Return the fields that are right."""
        return json.loads(task.reference)

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
