"""How held-out questions with tools of their own are put to a model, and how its calls are judged."""

import json
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.unreadable import unreadable
from factory.seeds.offered import read_tools_text
from factory.tasks.function_call.matching import are_right, plain_calls, possible_answers
from factory.tasks.function_call.taskset import FunctionCallTaskset, in_order
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, Dialogue, bare
from factory.tasks.taskset import Ask
from factory.tasks.tool_call.call import CallFault, read_json
from factory.tasks.tool_call.reference import Call


class FunctionCallScorer:
    """Function calls: right are those that BFCL's checker holds for right, and none where no tool fits. What
    is read is what was written: a call that its schema refuses is read, and is wrong by its values."""

    metrics = ACCURACY | {"function_accuracy": "same_call"}
    judge, figures = f"{__package__}.portable", tuple(ACCURACY)

    def __init__(self, taskset: FunctionCallTaskset, chat_format: ChatFormat):
        self._taskset, self._chat_format = taskset, chat_format

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Ask with examples and schema where the model is the teacher; others get the question, and the tools
        in their chat template's way."""
        if candidate.few_shot:
            answer = yield Ask(self._taskset.ask(task), self._taskset.schema(task))
        else:
            offered = [tool.model_dump() for tool in read_tools_text(task.tools)]
            answer = yield Ask(bare(task.question), tools=offered)
        return self.judged(task, self._calls(candidate, answer.text))

    def judged(self, task: Task, calls: list[Call] | None) -> dict[str, Any]:
        """Return what became of an answer; `calls` is None where it could not be read."""
        tools = read_tools_text(task.tools)
        answers = possible_answers(task.reference, tools)
        named = None if calls is None else sorted(call["name"] for call in calls)
        return {
            "call": calls,
            "result": None,
            "parsed": calls is not None,
            "same_call": named == sorted(answer.name for answer in answers),
            "right_answer": calls is not None and are_right(calls, task.reference, tools),
        }

    def _calls(self, candidate: Asked, text: str) -> list[Call] | None:
        if not candidate.few_shot:
            return read_written(text, self._chat_format)
        try:
            return _listed(read_json(text))
        except CallFault:
            return None

    @property
    def about(self) -> dict[str, Any]:
        """What the judge of others has to know: how calls are written."""
        return {"parser": self._chat_format.parser, "marks": list(self._chat_format.call_marks)}

    def expected(self, task: Task) -> dict[str, Any]:
        """Return the reference with the tools, and the possible answers by themselves."""
        answers = possible_answers(task.reference, read_tools_text(task.tools))
        return {"reference": task.reference, "tools": task.tools, "answers": [list(one) for one in answers]}

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the one call that is right, after the opening of a call where a chat format has one."""
        calls = plain_calls(task.reference)
        if calls is None or len(calls) != 1:
            return None
        call = in_order(calls[0], read_tools_text(task.tools))
        if candidate.few_shot:
            return "", json.dumps([call], ensure_ascii=False)
        return self._chat_format.write_call(call)


def read_written(text: str, chat_format: ChatFormat) -> list[Call] | None:
    """Return the calls of a student's turn, none where it is meant for a person; None where it cannot be
    read."""
    if not chat_format.has_call(text):
        return [] if unreadable(text) is None else None
    try:
        return _listed(chat_format.read_calls(text, read_json))
    except CallFault:
        return None


def _listed(value: Any) -> list[Call] | None:
    return value if isinstance(value, list) and all(map(_is_call, value)) else None


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "arguments"}
        and isinstance(value["name"], str)
        and isinstance(value["arguments"], dict)
    )
