"""The kind `tool_call`: a question, the calls that answer it, the tools' results, the answer.

Where every reference is an expression, a sample is one call of the one tool: the teacher is asked for it as
one JSON object, or `null` if some references say that no tool is needed. Where references are steps, the
teacher is asked for a list of calls, sees their results, and is asked again until the list is empty: one
call, several in parallel, several turns, or none at all. Each call is really executed. The answer states the
results in a sentence from a template: what was proved is the result, and a small teacher's own sentence about
it would only add errors. Only where no tool is needed the answer is the teacher's own.
"""

import itertools
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.chat_formats.control_token import control_token
from factory.chat_formats.unreadable import MAX_CHARACTERS, unreadable
from factory.inference.native_calls import RESULTS
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json, content_id
from factory.tasks.examples import Examples
from factory.tasks.rounds import rounds
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Ask, Episode, Pool
from factory.tasks.tool_call.call import (
    CallFault,
    call_schema,
    calls_schema,
    declined,
    parse_call,
    parse_calls,
)
from factory.tasks.tool_call.reference import Steps, mend, outcome, parse_steps, run_steps
from factory.tasks.tool_call.shown import shown_tools
from factory.tasks.vary import vary
from factory.text.templates import render, template_digest
from factory.text.thinking import without_thinking
from factory.tools.errors import ToolError
from factory.tools.registry import RunTool, canonical_arguments, run_tool
from factory.tools.spec import ToolSpec

SYSTEM, STEPS, ANSWER, PLAIN = (
    "tool_call_system.j2",
    "tool_call_steps.j2",
    "tool_call_answer.j2",
    "tool_call_plain.j2",
)
MAX_STEPS = 4
# A variant takes milliseconds to make, and the teacher waits for the whole of a block.
LARGEST_BLOCK = 1024


class ToolCallTaskset:
    """Proposes tasks from seeds, renders them for the teacher, and reads its answers.

    `wanted` is how many tasks are likely to be needed; `own` is the folder of a person's own templates; `run`
    carries a call out.
    """

    def __init__(
        self,
        seeds: list[Seed],
        tools: list[ToolSpec],
        *,
        examples: int,
        seed: int,
        wanted: int = 64,
        run: RunTool = run_tool,
        own: Path | None = None,
    ):
        self.tools = tools
        steps = [parse_steps(seed.reference) for seed in seeds]
        self.in_steps = any(steps)
        self._declines = [] in steps and not self.in_steps
        self.schema = calls_schema(tools) if self.in_steps else call_schema(tools, or_none=self._declines)
        main = STEPS if self.in_steps else SYSTEM
        shown, others = shown_tools(tools, main, own)
        used = [main, ANSWER, *([PLAIN] if self.in_steps or self._declines else []), *others]
        self.template_digest = content_id([template_digest(name, own) for name in used])
        self._seeds = seeds
        self._seed = seed
        self._wanted = wanted
        self.run = run
        self._own = own
        self._system = {
            "role": "system",
            "content": render(main, own, tools=shown, declines=self._declines),
        }
        self._examples = Examples([seed for seed in seeds if seed.reference], examples)

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield tasks in blocks, the first as large as what is wanted, none above `LARGEST_BLOCK`; the tasks
        of a seed are together within a block."""
        coming = rounds(self._seeds, self._vary)
        size = self._wanted
        while block := self._block(coming, min(size, LARGEST_BLOCK)):
            yield from block
            size = max(64, self._wanted // 4)

    def propose(self, count: int) -> list[Task]:
        """Return `count` distinct tasks, going round the seeds; fewer if they give no more."""
        return self._block(rounds(self._seeds, self._vary), count)

    def _block(self, coming: Iterator[Task], size: int) -> list[Task]:
        # Tasks of one seed are together: their prompts are alike but for the question, and the prefix cache
        # holds only so much.
        order = {seed.seed_id: position for position, seed in enumerate(self._seeds)}
        return sorted(itertools.islice(coming, size), key=lambda task: order[task.seed_id])

    def ask(self, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a task to the teacher, worked examples before the question."""
        messages = [self._system]
        for seed in self._examples.before(task):
            messages += self._worked(seed)
        return [*messages, {"role": "user", "content": task.question}]

    def episode(self, task: Task, draw: int) -> Episode:
        """Put the task; in steps, go on with each step's results until the teacher calls no more. Where it
        calls nothing at all, ask once more for an answer in words."""
        if self.in_steps:
            return (yield from self._in_steps(task))
        answer = yield Ask(self.ask(task), self.schema)
        if self._declines and answer.error is None and declined(answer.text):
            return (yield from self._in_words(task, [answer]))
        return self.read(task, answer)

    def read(self, task: Task, answer: Answer) -> Sample:
        """Return the sample that a single call makes, call executed; a bad answer makes a sample with a
        fault."""
        call, result, fault, detail = None, None, answer.error, ""
        if fault is None:
            try:
                call = parse_call(answer.text, self.tools)
                result = self.result(call)
            except CallFault as error:
                fault, detail = error.reason, error.detail
            except ToolError as error:
                fault, detail = "tool_error", str(error)
        sentence = self._sentence(task, [result]) if result is not None else None
        content = (
            [call["name"], canonical_arguments(call["name"], call["arguments"])] if call else answer.text
        )
        return Sample(
            request_key=answer.key,
            task=task,
            text=answer.text,
            finish_reason=answer.finish_reason,
            call=call,
            fault=fault,
            result=result,
            answer=sentence,
            messages=path_messages(task.question, [[call]], [[result]], sentence)
            if call and result is not None and sentence
            else None,
            outcome=result,
            expected=self._expected(task),
            said=f"{task.question} {canonical_json(content)}",
            dedup_key=content_id([_normal(task.question), content]),
            detail=detail,
        )

    def solve(self, reference: str) -> str | None:
        """Return the outcome of a reference, or None if it has none."""
        steps = parse_steps(reference)
        results = run_steps(self.reference_steps(reference), self.run)
        if results is None:
            return None
        return results[0][0] if steps is None else outcome(results)

    def reference_steps(self, reference: str) -> Steps:
        """Return the calls that a reference stands for, written out or as an expression."""
        steps = parse_steps(reference)
        return [[self.reference_call(reference)]] if steps is None else steps

    def reference_call(self, reference: str) -> dict[str, Any]:
        """Return the call that an expression stands for."""
        argument = str(next(iter(self.tools[0].function.parameters["properties"])))
        return {"name": self.tools[0].name, "arguments": {argument: reference}}

    def result(self, call: dict[str, Any]) -> str:
        """Return what a call gives; raise CallFault for a result that nobody can read, ToolError for none."""
        result = self.run(call["name"], call["arguments"])
        if len(result) > MAX_CHARACTERS:
            raise CallFault("too_large", f"a result of {len(result)} characters")
        if token := control_token(result):
            raise CallFault("control_token", f"{token} in a result")
        return result

    def _expected(self, task: Task) -> str | None:
        # A reference without a result agrees with nothing.
        return (self.solve(task.reference) or "") if task.reference else None

    def _vary(self, seed: Seed, variant: int) -> tuple[str, str] | None:
        if not seed.reference:
            # Other numbers need something that says which of them matter.
            return None
        original = parse_steps(seed.reference)
        if original is None or len(original) < 2:
            return vary(seed, variant, self._seed, self.solve)
        return vary(
            seed, variant, self._seed, self.solve, lambda reference: mend(reference, original, self.run)
        )

    def _in_steps(self, task: Task) -> Episode:
        messages = self.ask(task)
        steps: Steps = []
        results: list[list[str]] = []
        ends: list[str] = []
        fault, detail = None, ""
        while True:
            answer = yield Ask(messages, self.schema)
            ends.append(answer.finish_reason)
            if fault := answer.error:
                break
            try:
                calls = parse_calls(answer.text, self.tools)
                if not calls:
                    break
                if len(steps) == MAX_STEPS:
                    raise CallFault("too_many_steps", f"more than {MAX_STEPS}")
                steps.append(calls)
                results.append([self.result(call) for call in calls])
            except CallFault as error:
                fault, detail = error.reason, error.detail
                break
            except ToolError as error:
                fault, detail = "tool_error", str(error)
                break
            messages = [
                *messages,
                {"role": "assistant", "content": without_thinking(answer.text)},
                _results_turn(results[-1]),
            ]
        if fault is None and not steps:
            return (yield from self._in_words(task, [answer]))
        sentence = self._sentence(task, results[-1]) if fault is None else None
        path = [
            [[call["name"], canonical_arguments(call["name"], call["arguments"])] for call in step]
            for step in steps
        ]
        return Sample(
            request_key=answer.key,
            task=task,
            text=answer.text,
            finish_reason=_end(ends),
            fault=fault,
            detail=detail,
            call=steps,
            result=canonical_json(results),
            answer=sentence,
            messages=path_messages(task.question, steps, results, sentence) if sentence else None,
            outcome=outcome(results) if fault is None else None,
            expected=self._expected(task),
            said=f"{task.question} {canonical_json(path)}",
            dedup_key=content_id([_normal(task.question), path or None]),
        )

    def _in_words(self, task: Task, before: list[Answer]) -> Episode:
        """Ask for the answer to a question that the teacher called no tool for."""
        plain = render(PLAIN, self._own, language=task.language)
        answer = yield Ask([{"role": "system", "content": plain}, {"role": "user", "content": task.question}])
        said = without_thinking(answer.text)
        fault, detail = (answer.error, "") if answer.error else unreadable(said) or (None, "")
        content = None if fault else said.strip()
        return Sample(
            request_key=answer.key,
            task=task,
            text=answer.text,
            finish_reason=_end([one.finish_reason for one in [*before, answer]]),
            fault=fault,
            detail=detail,
            call=[],
            result="[]",
            answer=content,
            messages=path_messages(task.question, [], [], content) if content else None,
            outcome=outcome([]) if fault is None else None,
            expected=self._expected(task),
            said=f"{task.question} []",
            dedup_key=content_id([_normal(task.question), content]),
        )

    def _worked(self, seed: Seed) -> list[dict[str, Any]]:
        if not self.in_steps:
            none = parse_steps(seed.reference) is not None
            call = "null" if none else self._written(seed.reference)[0]
            return [{"role": "user", "content": seed.question}, {"role": "assistant", "content": call}]
        results = run_steps(self.reference_steps(seed.reference), self.run) or []
        *texts, end = self._written(seed.reference)
        turns = [{"role": "user", "content": seed.question}]
        for calls, result in zip(texts, results, strict=True):
            turns += [{"role": "assistant", "content": calls}, _results_turn(result)]
        return [*turns, {"role": "assistant", "content": end}]

    def reference_texts(self, reference: str) -> list[str]:
        """Return what a teacher would write, turn by turn, to call as a reference does; nothing where no call
        is needed, for then words are the answer."""
        if parse_steps(reference) == []:
            return []
        return self._written(reference)

    def _written(self, reference: str) -> list[str]:
        if not self.in_steps:
            return [json.dumps(self.reference_call(reference), ensure_ascii=False)]
        steps = [[self._in_order(call) for call in step] for step in self.reference_steps(reference)]
        return [*(json.dumps(step, ensure_ascii=False) for step in steps), "[]"]

    def _in_order(self, call: dict[str, Any]) -> dict[str, Any]:
        """Return a call with its keys in the order of the schema, the only one that the teacher can write."""
        spec = next(tool for tool in self.tools if tool.name == call["name"])
        given = call["arguments"]
        names = [name for name in spec.function.parameters.get("properties", {}) if name in given]
        return {
            "name": call["name"],
            "arguments": {
                name: given[name] for name in [*names, *(name for name in given if name not in names)]
            },
        }

    def _sentence(self, task: Task, results: list[str]) -> str:
        return render(ANSWER, self._own, language=task.language, result="; ".join(results))


def path_messages(
    question: str, steps: Steps, results: list[list[str]], answer: str | None = None
) -> list[dict[str, Any]]:
    """Return question, calls, results and, where there is one, the answer as chat messages in OpenAI form."""
    numbers = itertools.count(1)
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    for step, outcomes in zip(steps, results, strict=True):
        ids = [f"call_{next(numbers)}" for _ in step]
        calls = [
            {
                "id": name,
                "type": "function",
                "function": {
                    "name": call["name"],
                    "arguments": json.dumps(call["arguments"], ensure_ascii=False),
                },
            }
            for name, call in zip(ids, step, strict=True)
        ]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [
            {"role": "tool", "tool_call_id": name, "content": result}
            for name, result in zip(ids, outcomes, strict=True)
        ]
    return messages if answer is None else [*messages, {"role": "assistant", "content": answer}]


def _end(ends: list[str]) -> str:
    # What was cut off in any turn is no whole conversation.
    return next((end for end in ends if end != "stop"), "stop")


def _results_turn(results: list[str]) -> dict[str, Any]:
    return {"role": "user", "content": RESULTS + json.dumps(results, ensure_ascii=False)}


def _normal(text: str) -> str:
    return "".join(
        char
        for char in unicodedata.normalize("NFKC", text).casefold()
        if char.isalnum() or char in ".+-*/%^()"
    )
