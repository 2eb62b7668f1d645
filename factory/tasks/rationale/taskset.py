"""The kind `rationale`: a question, the steps that lead to its answer, the answer.

Distilling Step-by-Step (Hsieh et al., 2023, arXiv 2305.02301): the teacher's reasoning is kept beside the
label, as a second task for the student. Several draws of a question are several samples; which of them is
right is for the check `agreement` to say, with the reference or by vote (self-consistency, Wang et al., 2022,
arXiv 2203.11171), and which are kept for `selection`.

A seed with an `expression` gives new questions: its numbers are exchanged in the question and in the
expression, whose value is then the reference. Other seeds are asked as they are.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.chat_formats.unreadable import unreadable
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.examples import Examples
from factory.tasks.rationale.answer import normal_answer
from factory.tasks.rationale.marks import conflict, split_answer
from factory.tasks.rounds import rounds
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Ask, Episode, Pool, replay
from factory.tasks.vary import vary
from factory.text.reasons import Reason
from factory.text.templates import render, template_digest
from factory.text.thinking import split_thinking
from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError

SYSTEM, TURN = "rationale_system.j2", "rationale_turn.j2"


class RationaleTaskset:
    """Proposes questions from seeds, asks for reasoning and answer, and reads them apart."""

    def __init__(
        self,
        seeds: list[Seed],
        *,
        examples: int,
        seed: int,
        own: Path | None = None,
        answer_mark: str | None = None,
    ):
        self.answer_mark = answer_mark
        self.template_digest = content_id([template_digest(name, own) for name in (SYSTEM, TURN)])
        self._seeds = seeds
        self._seed = seed
        self._own = own
        # Only a seed that shows its reasoning can be a worked example of it.
        self._examples = Examples([seed for seed in seeds if seed.rationale and seed.reference], examples)

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield distinct questions, going round the seeds, as long as they give new ones."""
        return rounds(self._seeds, self._vary)

    def ask(self, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a question, worked examples before it."""
        messages = [{"role": "system", "content": render(SYSTEM, self._own, language=task.language)}]
        for seed in self._examples.before(task):
            messages += [
                {"role": "user", "content": seed.question},
                {"role": "assistant", "content": self.worked(seed)},
            ]
        return [*messages, {"role": "user", "content": task.question}]

    def worked(self, seed: Seed) -> str:
        """Return the turn that answers a seed with the rationale and the reference that it has."""
        return render(
            TURN, self._own, language=seed.language, rationale=seed.rationale, answer=seed.reference
        )

    def episode(self, task: Task, draw: int) -> Episode:
        """Ask once and read the answer."""
        answer = yield Ask(self.ask(task))
        return self.read(task, answer.key, answer.text, answer.finish_reason, answer.error)

    def read(self, task: Task, key: str, text: str, finish_reason: str, error: Reason | None) -> Sample:
        """Return the sample of one answer; its fault is the request's, one of `unreadable`,
        no_final_answer where none is marked, or conflicting_answers where two marks disagree. What the
        teacher thought before it answered is a part of the rationale."""
        fault: Reason | None
        thinking, said = split_thinking(text)
        readable = unreadable(f"{thinking}\n{said}" if thinking else text)
        fault, detail = (error, "") if error else readable or (None, "")
        parts = None if fault else split_answer(text, self.answer_mark)
        if fault is None and parts is None:
            fault = "no_final_answer"
            detail = "nothing follows the thinking" if thinking and not said else ""
        elif fault is None and (found := conflict(text, self.answer_mark)):
            fault, detail, parts = "conflicting_answers", " and ".join(found), None
        rationale, answer = parts or (None, None)
        messages = None
        if rationale is not None and answer is not None:
            turn = render(TURN, self._own, language=task.language, rationale=rationale, answer=answer)
            messages = [{"role": "user", "content": task.question}, {"role": "assistant", "content": turn}]
        return Sample(
            request_key=key,
            task=task,
            text=text,
            finish_reason=finish_reason,
            fault=fault,
            detail=detail,
            rationale=rationale,
            answer=answer,
            messages=messages,
            outcome=normal_answer(answer) if answer is not None else None,
            expected=normal_answer(task.reference) if task.reference else None,
            said=f"{task.question}\n{rationale or text}",
            dedup_key=content_id([task.question, " ".join((rationale or text).split())]),
        )

    def final_answer(self, text: str) -> str | None:
        """Return the final answer of a text, None if none is marked or there is no reasoning before it."""
        parts = split_answer(text, self.answer_mark)
        return None if parts is None else parts[1]

    def _vary(self, seed: Seed, variant: int) -> tuple[str, str] | None:
        if not seed.expression:
            return None
        varied = vary(dataclasses.replace(seed, reference=seed.expression), variant, self._seed, _value)
        value = _value(varied[1]) if varied else None
        return (varied[0], value) if varied and value is not None else None


def remake(changed: dict[str, Any], task: Task, own: Path | None) -> Sample:
    """Return the sample of an edited row: rationale and answer read as the teacher's turn would be."""
    rationale, answer = changed["rationale"] or "", changed["answer"] or ""
    text = render(TURN, own, language=task.language, rationale=rationale, answer=answer)
    return replay(RationaleTaskset([], examples=0, seed=0, own=own).episode(task, 0), [text])


def _value(expression: str) -> str | None:
    try:
        return evaluate(expression)
    except ToolError:
        return None
