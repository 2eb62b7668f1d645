"""The kind `function_call`: a question with tools of its own, and the calls that answer it.

The teacher reads worked examples, each with its own tools, then the tools of the task, and writes a list of
calls under a schema that allows no others. Nobody can carry them out: what proves them is the reference, or
the vote of several draws. Where the teacher calls nothing, it is asked once more for an answer in words. The
conversation ends with that answer, or with the calls: no result is known.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from factory.chat_formats.unreadable import unreadable
from factory.inference.request import Answer
from factory.seeds.offered import MAX_CALLS, read_tools_text
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json, content_id
from factory.tasks.conversation import Origin
from factory.tasks.examples import Examples
from factory.tasks.function_call.matching import are_right, normal_form, plain_calls
from factory.tasks.function_call.other_numbers import other_numbers
from factory.tasks.rounds import rounds
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Ask, Episode, Pool
from factory.tasks.tool_call.call import CallFault, calls_schema, parse_calls
from factory.tasks.tool_call.reference import Call
from factory.tasks.tool_call.shown import ARGUMENTS, describe
from factory.tasks.tool_call.taskset import PLAIN, path_messages
from factory.text.reasons import Reason
from factory.text.templates import render, template_digest
from factory.text.thinking import without_thinking
from factory.tools.spec import ToolSpec

SYSTEM = "function_call_system.j2"
Tools = tuple[ToolSpec, ...]


class FunctionCallTaskset:
    """Proposes tasks from seeds, renders them for the teacher, and reads its answers. `own` is the folder of
    a person's own templates."""

    def __init__(self, seeds: list[Seed], *, examples: int, seed: int, own: Path | None = None):
        self.template_digest = content_id([template_digest(name, own) for name in (SYSTEM, ARGUMENTS, PLAIN)])
        self._seeds, self._seed, self._own = seeds, seed, own
        # What has several spellings is no example of one.
        shown = [seed for seed in seeds if seed.reference and plain_calls(seed.reference) is not None]
        self._examples = Examples(shown, examples)
        self._described = cache(self._describe)

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield tasks, round after round, with other numbers where a reference says which of them matter."""
        return rounds(self._seeds, self._vary)

    def ask(self, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a task to the teacher: worked examples and tools, the
        question."""
        text = render(
            SYSTEM,
            self._own,
            language=task.language,
            examples=[self._worked(seed) for seed in self._examples.before(task)],
            tools=self._described(task.tools),
        )
        return [{"role": "system", "content": text}, {"role": "user", "content": task.question}]

    def schema(self, task: Task) -> dict[str, Any]:
        """Return the schema of what the teacher may write."""
        return calls_schema(list(read_tools_text(task.tools)), MAX_CALLS)

    def episode(self, task: Task, draw: int) -> Episode:
        """Put the task. Where no tool is called, ask once more for an answer in words, unless the reference
        has calls."""
        tools = read_tools_text(task.tools)
        answer = yield Ask(self.ask(task), self.schema(task))
        if answer.error is not None:
            return self._sample(task, answer, answer.error)
        try:
            calls = parse_calls(answer.text, list(tools), MAX_CALLS)
        except CallFault as fault:
            return self._sample(task, answer, fault.reason, fault.detail)
        if not calls and task.reference in ("", "[]"):
            return (yield from self._in_words(task, answer))
        return self._sample(task, answer, calls=calls)

    def _in_words(self, task: Task, before: Answer) -> Episode:
        plain = render(PLAIN, self._own, language=task.language)
        answer = yield Ask([{"role": "system", "content": plain}, {"role": "user", "content": task.question}])
        said = without_thinking(answer.text)
        fault, detail = (answer.error, "") if answer.error else unreadable(said) or (None, "")
        if fault:
            return self._sample(task, answer, fault, detail, before=before)
        return self._sample(task, answer, calls=[], said=said.strip(), before=before)

    def _sample(
        self,
        task: Task,
        answer: Answer,
        fault: Reason | None = None,
        detail: str = "",
        *,
        calls: list[Call] | None = None,
        said: str | None = None,
        before: Answer | None = None,
    ) -> Sample:
        tools = read_tools_text(task.tools)
        messages: list[dict[str, Any]] | None = None
        if said is not None:
            messages = [{"role": "user", "content": task.question}, {"role": "assistant", "content": said}]
        elif calls:
            messages = call_messages(task.question, calls)
        outcome, content = None, answer.text
        if calls is not None:
            content = canonical_json(normal_form(calls, tools))
            right = task.reference and are_right(calls, task.reference, tools)
            outcome = task.reference if right else content
        ends = [one.finish_reason for one in (before, answer) if one is not None]
        return Sample(
            request_key=answer.key,
            task=task,
            text=answer.text,
            finish_reason=next((end for end in ends if end != "stop"), "stop"),
            fault=fault,
            detail=detail,
            call=None if calls is None else [calls] if calls else [],
            answer=said,
            messages=messages,
            origins=(Origin("teacher", answer.key),) if messages else (),
            outcome=outcome,
            expected=task.reference or None,
            said=f"{task.question} {content}",
            dedup_key=content_id([task.question.casefold(), task.tools, said or content]),
            tools=[tool.model_dump() for tool in tools],
        )

    def _describe(self, tools: str) -> list[dict[str, str]]:
        return [
            {"name": tool.name, "description": describe(tool, self._own)} for tool in read_tools_text(tools)
        ]

    def _worked(self, seed: Seed) -> dict[str, Any]:
        written = _written(seed.reference, seed.tools)
        return {"tools": self._described(seed.tools), "question": seed.question, "calls": written}

    def reference_texts(self, task: Task) -> list[str]:
        """Return what a teacher would write to call as the reference does; nothing where it has no calls, for
        then words are the answer, or several spellings of them."""
        return [_written(task.reference, task.tools)] if plain_calls(task.reference) else []

    def _vary(self, seed: Seed, variant: int) -> tuple[str, str] | None:
        return other_numbers(seed, variant, self._seed)


def _written(reference: str, tools: str) -> str:
    calls = [in_order(call, read_tools_text(tools)) for call in plain_calls(reference) or []]
    return json.dumps(calls, ensure_ascii=False)


def in_order(call: Call, tools: Tools) -> Call:
    """Return a call with its arguments in the order of the schema, the only one that the teacher can
    write."""
    spec = next(tool for tool in tools if tool.name == call["name"])
    known = [name for name in spec.function.parameters.get("properties", {}) if name in call["arguments"]]
    names = [*known, *(name for name in call["arguments"] if name not in known)]
    return {"name": call["name"], "arguments": {name: call["arguments"][name] for name in names}}


def call_messages(question: str, calls: list[Call]) -> list[dict[str, Any]]:
    """Return question and calls as chat messages in OpenAI form; nobody carries the calls out."""
    return path_messages(question, [calls], [[""] * len(calls)])[:2]
