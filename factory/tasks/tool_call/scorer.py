"""How held-out questions for a tool are put to a model, and how its calls are judged."""

import json
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.unreadable import unreadable
from factory.system.digest import canonical_json
from factory.tasks.sample import Task
from factory.tasks.scorer import ACCURACY, Asked, Dialogue, bare
from factory.tasks.taskset import Ask
from factory.tasks.tool_call.call import (
    CallFault,
    declined,
    parse_call,
    parse_written_call,
    parse_written_calls,
)
from factory.tasks.tool_call.reference import Steps, outcome, parse_steps
from factory.tasks.tool_call.taskset import MAX_STEPS, ToolCallTaskset, path_messages
from factory.tools.errors import ToolError
from factory.tools.registry import canonical_arguments


class CallScorer:
    """Tool calls: right is a call whose result is the reference's, in steps the last step's results, and none
    where the reference says so."""

    metrics = ACCURACY | {"tool_call_accuracy": "same_call"}
    judge, judged = f"{__package__}.portable", ("tool_call_accuracy", "parse_rate")

    def __init__(self, taskset: ToolCallTaskset, chat_format: ChatFormat):
        self._taskset, self._chat_format = taskset, chat_format
        self._tools = [tool.model_dump() for tool in taskset.tools]

    def put(self, candidate: Asked, task: Task) -> Dialogue:
        """Ask with examples and schema where the model is the teacher, the question alone of others. Calls in
        steps are carried out and their results handed back until the model calls no more."""
        if self._taskset.in_steps:
            steps = self._teacher_steps(task) if candidate.few_shot else self._steps(task)
            return (yield from steps)
        if candidate.few_shot:
            text = (yield Ask(self._taskset.ask(task), self._taskset.schema)).text
        else:
            text = (yield Ask(bare(task.question), tools=self._tools)).text
        return self._judged(candidate, task, text)

    def _judged(self, candidate: Asked, task: Task, text: str) -> dict[str, Any]:
        """Carry the call out and compare. Where no tool is needed, right is to call none."""
        taskset, call, result = self._taskset, None, None
        if parse_steps(task.reference) == []:
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

    def _teacher_steps(self, task: Task) -> Dialogue:
        sample = yield from self._taskset.episode(task, 0)
        return self._columns(task, sample.call or [], sample.outcome)

    def _steps(self, task: Task) -> Dialogue:
        """Play the dialogue with the tools: each turn is rendered as the student was taught it."""
        steps: Steps = []
        results: list[list[str]] = []
        ended: str | None = None
        while ended is None:
            answer = yield Ask(path_messages(task.question, steps, results), tools=self._tools)
            if not self._chat_format.has_call(answer.text):
                is_said = answer.error is None and unreadable(answer.text) is None
                ended = outcome(results) if is_said else ""
                continue
            try:
                step = parse_written_calls(answer.text, self._taskset.tools, self._chat_format)
                if len(steps) == MAX_STEPS:
                    raise CallFault("too_many_steps")
                results.append([self._taskset.result(call) for call in step])
                steps.append(step)
            except (CallFault, ToolError):
                ended = ""
        return self._columns(task, steps, ended or None)

    def _columns(self, task: Task, steps: Steps, ended: str | None) -> dict[str, Any]:
        reference = self._taskset.reference_steps(task.reference)
        return {
            "call": steps,
            "result": ended,
            "parsed": ended is not None,
            "same_call": ended is not None and _path(steps) == _path(reference),
            "right_answer": ended is not None and ended == self._taskset.solve(task.reference),
        }

    @property
    def about(self) -> dict[str, Any]:
        """What the judge of others has to know: how calls are written, which there are, how many at once."""
        return {
            "parser": self._chat_format.parser,
            "marks": list(self._chat_format.call_marks),
            "tools": self._tools,
            "in_steps": self._taskset.in_steps,
        }

    def expected(self, task: Task) -> Any:
        """Return the calls of the first turn."""
        return next(iter(self._taskset.reference_steps(task.reference)), [])

    def wanted(self, candidate: Asked, task: Task) -> tuple[str, str] | None:
        """Return the reference call, after the opening of a call where a chat format has one."""
        if self._taskset.in_steps or parse_steps(task.reference) is not None:
            return None
        call = self._taskset.reference_call(task.reference)
        if candidate.few_shot:
            return "", json.dumps(call, ensure_ascii=False)
        return self._chat_format.write_call(call)


def _path(steps: Steps) -> list[list[str]]:
    # Calls of one step are made together, so their order says nothing.
    return [sorted(canonical_json(_canonical(call)) for call in step) for step in steps]


def _canonical(call: dict[str, Any]) -> list[Any]:
    return [call["name"], canonical_arguments(call["name"], call["arguments"])]
