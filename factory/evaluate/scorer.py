"""How the held-out tasks of a kind are put to a model, and how its answers are judged.

Promise: the teacher is asked as in generation, with examples; everyone else gets the bare question. What is
right is decided by the same functions that decide it for samples. An answer that cannot be read is wrong,
never left out.
"""

import json
from typing import Any, Protocol

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.inference.request import Request, Sampling
from factory.system.digest import content_id
from factory.tasks.answer import normal_answer, split_answer
from factory.tasks.call import CallFault, declined, parse_call, parse_hermes
from factory.tasks.multitask import PREFIXES, RATIONALE
from factory.tasks.rationale import RationaleKind
from factory.tasks.reference import parse_steps
from factory.tasks.rows import OPENING
from factory.tasks.sample import Task
from factory.text.unreadable import unreadable
from factory.tools.errors import ToolError
from factory.tools.registry import canonical_arguments

ACCURACY = {"answer_accuracy": "right_answer", "parse_rate": "parsed"}


class Scorer(Protocol):
    """One kind's way to ask and to judge. `metrics` names the figures, and the column of `predictions` that
    each is the share of; `tools` are shown to a chat template."""

    metrics: dict[str, str]
    tools: list[dict[str, Any]] | None

    def ask(self, candidate: Candidate, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a task to a model."""
        ...

    def schema(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return the JSON Schema that the model's answer is held to, if any."""
        ...

    def judge(self, candidate: Candidate, task: Task, text: str) -> dict[str, Any]:
        """Return the columns of `predictions` that say what became of an answer."""
        ...

    def wanted(self, candidate: Candidate, task: Task) -> tuple[str, str] | None:
        """Return how the right answer begins, which anyone knows, and how it goes on, in the form that the
        model is asked for; None where only its outcome is known."""
        ...


class CallExam:
    """Tool calls: right is a call whose result is the reference's, and none where the reference says so."""

    metrics = ACCURACY | {"tool_call_accuracy": "same_call"}

    def __init__(self, context: Plan):
        self._context = context
        self.tools: list[dict[str, Any]] | None = [tool.model_dump() for tool in context.tools]

    def ask(self, candidate: Candidate, task: Task) -> list[dict[str, Any]]:
        """Return examples and question for the teacher, the question alone for others."""
        return self._context.calls.ask(task) if candidate.few_shot else _bare(task.question)

    def schema(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return the schema of a call for the teacher; others write freely."""
        return self._context.calls.schema if candidate.few_shot else None

    def judge(self, candidate: Candidate, task: Task, text: str) -> dict[str, Any]:
        """Carry the call out and compare. Where no tool is needed, right is to call none."""
        context, call, result = self._context, None, None
        if parse_steps(task.reference) == [] and not self._context.calls.in_steps:
            none = (
                declined(text)
                if candidate.few_shot
                else OPENING.strip() not in text and unreadable(text) is None
            )
            return {"call": None, "result": None, "parsed": none, "same_call": none, "right_answer": none}
        try:
            call = (parse_call if candidate.few_shot else parse_hermes)(text, context.tools)
            result = context.run_tool(call["name"], call["arguments"])
        except (CallFault, ToolError):
            pass
        reference = context.calls.reference_call(task.reference)
        return {
            "call": call,
            "result": result,
            "parsed": call is not None,
            "same_call": call is not None and _canonical(call) == _canonical(reference),
            "right_answer": result is not None and result == context.calls.solve(task.reference),
        }

    def wanted(self, candidate: Candidate, task: Task) -> tuple[str, str] | None:
        """Return the reference call, after the opening of a call where the model writes in the Hermes
        form."""
        if self._context.calls.in_steps or parse_steps(task.reference) is not None:
            return None
        call = json.dumps(self._context.calls.reference_call(task.reference), ensure_ascii=False)
        return ("" if candidate.few_shot else OPENING), call


class RationaleExam:
    """Rationales: right is a final answer that is the reference's, as mathematics or as text. A student
    reasons first."""

    metrics = ACCURACY
    tools: list[dict[str, Any]] | None = None

    def __init__(self, context: Plan):
        self._context = context
        self._seeds = {seed.seed_id: seed for seed in context.held_out}

    def ask(self, candidate: Candidate, task: Task) -> list[dict[str, Any]]:
        """Return examples and question for the teacher, the bare question for others, a student's with its
        task's prefix."""
        if candidate.few_shot:
            assert isinstance(self._context.kind, RationaleKind)
            return self._context.kind.ask(task)
        return _bare(task.question if candidate.role == "base" else f"{PREFIXES[RATIONALE]}{task.question}")

    def schema(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return nothing: reasoning has no form."""
        return None

    def judge(self, candidate: Candidate, task: Task, text: str) -> dict[str, Any]:
        """Read the final answer and compare."""
        parts = split_answer(text)
        answer = None if parts is None else parts[1]
        right = answer is not None and normal_answer(answer) == normal_answer(task.reference)
        return {
            "call": None,
            "result": answer,
            "parsed": answer is not None,
            "same_call": False,
            "right_answer": right,
        }

    def wanted(self, candidate: Candidate, task: Task) -> tuple[str, str] | None:
        """Return the task's own rationale with its answer, if it has one."""
        assert isinstance(self._context.kind, RationaleKind)
        seed = self._seeds[task.seed_id]
        return ("", self._context.kind.worked(seed)) if seed.rationale else None


def scorer(context: Plan) -> Scorer:
    """Return the scorer of the recipe's kind."""
    return RationaleExam(context) if context.run.loaded.recipe.data.kind == "rationale" else CallExam(context)


def question(asking: Scorer, candidate: Candidate, task: Task, max_tokens: int) -> Request:
    """Return the request that puts a task to a model, greedily."""
    messages = asking.ask(candidate, task)
    key = content_id([candidate.artifact_id, messages, max_tokens])
    tools = None if candidate.few_shot else asking.tools
    return Request(key, messages, Sampling(0.0, 1.0, max_tokens), asking.schema(candidate), tools)


def _bare(question: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}]


def _canonical(call: dict[str, Any]) -> list[Any]:
    return [call["name"], canonical_arguments(call["name"], call["arguments"])]
