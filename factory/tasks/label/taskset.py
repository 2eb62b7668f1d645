"""The kind `label`: a text, and which of the labels of the recipe it has.

Each text is put once for each draw. Which answer is right is for the check `agreement` to say, by the seed's
label or by vote. The teacher sees what each label means and labelled texts of the same language, as many of
each label as there is room for; the student sees the text alone. With `new_texts` the teacher writes texts of
its own after those of the seeds (`factory.tasks.label.proposal`).
"""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.label.answer import label_schema, quoted, read_label
from factory.tasks.label.proposal import SCHEMA as TEXT
from factory.tasks.label.proposal import TEMPLATE as PROPOSE
from factory.tasks.label.proposal import Proposals
from factory.tasks.rounds import rounds
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Ask, Episode, Pool, replay
from factory.text.reasons import Reason
from factory.text.templates import render, template_digest

SYSTEM = "label_system.j2"


class LabelTaskset:
    """Puts the texts of seeds, and reads labels."""

    def __init__(
        self,
        seeds: list[Seed],
        labels: dict[str, str],
        *,
        examples: int,
        about: str = "",
        new_texts: int = 0,
        seed: int = 0,
        own: Path | None = None,
    ):
        used = [SYSTEM, *([PROPOSE] if new_texts else [])]
        self.template_digest = content_id([template_digest(name, own) for name in used])
        self._proposals = Proposals(seeds, labels, new_texts, seed)
        self.labels = labels
        self.schema = label_schema(labels)
        self._seeds, self._own, self._about = seeds, own, about
        self._count = examples
        known = [seed for seed in seeds if seed.reference in labels]
        self._examples = {
            language: _in_turns([seed for seed in known if seed.language == language], labels)
            for language in dict.fromkeys(seed.language for seed in known)
        }
        self._all_examples = _in_turns(known, labels)

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield each text once, in the order of the seeds, then the new ones."""
        yield from rounds(self._seeds, lambda seed, variant: None)
        yield from self._proposals.tasks()

    def ask(self, task: Task) -> list[dict[str, Any]]:
        """Return the chat messages that put a text, labelled texts before it; never itself."""
        labels = [{"written": quoted(name), "meaning": meaning} for name, meaning in self.labels.items()]
        system = render(SYSTEM, self._own, language=task.language, task=self._about, labels=labels)
        messages = [{"role": "system", "content": system}]
        others = (
            seed
            for seed in self._examples.get(task.language, self._all_examples)
            if seed.question != task.question
        )
        for seed in itertools.islice(others, self._count):
            messages += [
                {"role": "user", "content": seed.question},
                {"role": "assistant", "content": quoted(seed.reference)},
            ]
        return [*messages, {"role": "user", "content": task.question}]

    def episode(self, task: Task, draw: int) -> Episode:
        """Ask for a new text where the task is to have one, then for the label, and read it."""
        if task.parents:
            answer = yield Ask(self._proposals.ask(task, self._about, self._own), TEXT)
            text, fault, detail = self._proposals.read(task, answer)
            if text is None:
                return self._sample(task, answer, None, fault, detail)
            task = dataclasses.replace(task, question=text)
        answer = yield Ask(self.ask(task), self.schema)
        label, fault, detail = read_label(answer.text, self.labels)
        if answer.error:
            label, fault, detail = None, answer.error, ""
        return self._sample(task, answer, label, fault, detail)

    def _sample(
        self, task: Task, answer: Answer, label: str | None, fault: Reason | None, detail: str
    ) -> Sample:
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": task.question},
            {"role": "assistant", "content": label},
        ]
        return Sample(
            request_key=answer.key,
            task=task,
            text=answer.text,
            finish_reason=answer.finish_reason,
            fault=fault,
            detail=detail,
            answer=label,
            messages=None if label is None else turns,
            outcome=label,
            expected=task.reference or None,
            # Samples are compared by their texts: many share a label.
            said=task.question,
            dedup_key=content_id([task.question, answer.text if label is None else label]),
            form=list(self.labels),
        )


def remake(changed: dict[str, Any], task: Task) -> Sample:
    """Return the sample of an edited row; a label outside the set is the fault unknown_label, and refused as
    a reference."""
    if task.reference and task.reference not in changed["form"]:
        raise InputError(f"the reference is none of the labels: {', '.join(changed['form'])}")
    taskset = LabelTaskset([], dict.fromkeys(changed["form"], ""), examples=0)
    return replay(taskset.episode(task, 0), [quoted((changed["answer"] or "").strip())])


def _in_turns(seeds: list[Seed], labels: dict[str, str]) -> list[Seed]:
    """Return seeds so that each label comes once before any comes twice."""
    by_label = [[seed for seed in seeds if seed.reference == label] for label in labels]
    return [seed for turn in itertools.zip_longest(*by_label) for seed in turn if seed is not None]
