"""The kind `extract`: a text, and the fields that it holds as one JSON object under the recipe's schema.

Each text is put once for each draw, the answer held to the schema by a grammar. Whether it is right is for
the check `agreement` to say, by the seed's fields or by vote. The teacher sees the schema and worked
examples; the student sees the text alone, and learns to write the fields in the schema's order.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.examples import Examples
from factory.tasks.extract.form import Form, form_of
from factory.tasks.rounds import rounds
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Ask, Episode, Pool, replay
from factory.text.reasons import sentence
from factory.text.templates import render, template_digest

SYSTEM = "extract_system.j2"


class ExtractTaskset:
    """Puts the texts of seeds, and reads fields."""

    def __init__(
        self, seeds: list[Seed], form: Form, *, examples: int, about: str = "", own: Path | None = None
    ):
        self.template_digest = content_id([template_digest(SYSTEM, own)])
        self.form = form
        self._seeds, self._own, self._about = seeds, own, about
        self._examples = Examples([seed for seed in seeds if seed.reference], examples)

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield each text once, in the order of the seeds."""
        return rounds(self._seeds, lambda seed, variant: None)

    def ask(self, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a text, worked examples before it."""
        system = render(SYSTEM, self._own, language=task.language, task=self._about, schema=self.form.text)
        messages = [{"role": "system", "content": system}]
        for seed in self._examples.before(task):
            messages += [
                {"role": "user", "content": seed.question},
                {"role": "assistant", "content": self.form.written(json.loads(seed.reference))},
            ]
        return [*messages, {"role": "user", "content": task.question}]

    def episode(self, task: Task, draw: int) -> Episode:
        """Ask once and read the fields."""
        answer = yield Ask(self.ask(task), self.form.schema)
        value, fault, detail = (
            (None, answer.error, "") if answer.error is not None else self.form.read(answer.text)
        )
        written, outcome, messages = None, None, None
        if value is not None:
            written, outcome = self.form.written(value), self.form.compared(value)
            messages = [{"role": "user", "content": task.question}, {"role": "assistant", "content": written}]
        return Sample(
            request_key=answer.key,
            task=task,
            text=answer.text,
            finish_reason=answer.finish_reason,
            fault=fault,
            detail=detail,
            answer=written,
            messages=messages,
            outcome=outcome,
            expected=self.expected(task),
            said=task.question,
            dedup_key=content_id([task.question, outcome or answer.text]),
            form=self.form.schema,
        )

    def expected(self, task: Task) -> str | None:
        """Return the reference as answers are compared; None where there is none."""
        return self.form.compared(json.loads(task.reference)) if task.reference else None


def remake(changed: dict[str, Any], task: Task) -> Sample:
    """Return the sample of an edited row, its fields and those of its reference read as a teacher's are."""
    taskset = ExtractTaskset([], form_of(changed["form"]), examples=0)
    if task.reference:
        _, fault, detail = taskset.form.read(task.reference)
        if fault:
            raise InputError(f"the reference is not in the form of the fields: {detail or sentence(fault)}")
    return replay(taskset.episode(task, 0), [changed["answer"] or ""])
