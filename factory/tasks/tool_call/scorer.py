"""How held-out questions for a tool are put to a model, and how its calls are judged."""

import json
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.unreadable import unreadable
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, bare
from factory.tasks.tool_call.call import CallFault, declined, parse_call, parse_written_call
from factory.tasks.tool_call.reference import parse_steps
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.tools.errors import ToolError
from factory.tools.registry import canonical_arguments


class CallScorer:
    """Tool calls: right is a call whose result is the reference's, and none where the reference says so."""

    metrics = ACCURACY | {"tool_call_accuracy": "same_call"}

    def __init__(self, taskset: ToolCallTaskset, chat_format: ChatFormat):
        self._taskset, self._chat_format = taskset, chat_format
        self.tools: list[dict[str, Any]] | None = [tool.model_dump() for tool in taskset.tools]

    def ask(self, candidate: Asked, task: Task) -> list[dict[str, Any]]:
        """Return examples and question for the teacher, the question alone for others."""
        return self._taskset.ask(task) if candidate.few_shot else bare(task.question)

    def schema(self, candidate: Asked) -> dict[str, Any] | None:
        """Return the schema of a call for the teacher; others write freely."""
        return self._taskset.schema if candidate.few_shot else None

    def judge(self, candidate: Asked, task: Task, text: str) -> dict[str, Any]:
        """Carry the call out and compare. Where no tool is needed, right is to call none."""
        taskset, call, result = self._taskset, None, None
        if parse_steps(task.reference) == [] and not self._taskset.in_steps:
            none = (
                declined(text)
                if candidate.few_shot
                else not self._chat_format.has_call(text) and unreadable(text) is None
            )
            return {"call": None, "result": None, "parsed": none, "same_call": none, "right_answer": none}
        try:
            call = (
                parse_call(text, taskset.tools)
                if candidate.few_shot
                else parse_written_call(text, taskset.tools, self._chat_format)
            )
            result = taskset.run(call["name"], call["arguments"])
        except (CallFault, ToolError):
            pass
        reference = taskset.reference_call(task.reference)
        return {
            "call": call,
            "result": result,
            "parsed": call is not None,
            "same_call": call is not None and _canonical(call) == _canonical(reference),
            "right_answer": result is not None and result == taskset.solve(task.reference),
        }

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the reference call, after the opening of a call where a chat format has one."""
        if self._taskset.in_steps or parse_steps(task.reference) is not None:
            return None
        call = self._taskset.reference_call(task.reference)
        if candidate.few_shot:
            return "", json.dumps(call, ensure_ascii=False)
        return self._chat_format.write_call(call)


def _canonical(call: dict[str, Any]) -> list[Any]:
    return [call["name"], canonical_arguments(call["name"], call["arguments"])]
