"""New texts of a label: the teacher writes one after seeds that have it, and is then asked for the label of
the text alone. Only where it reads what it was asked to write, `agreement` lets the sample pass.

Which label and which seeds follow from the recipe's seed and the number of the text; a text that says nearly
what a seed says is not asked about (ROUGE-L, as for proposed instructions).
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.chat_formats.unreadable import harmful, unreadable
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.tasks.label.answer import quoted
from factory.tasks.sample import Task
from factory.text.language import wrong_language
from factory.text.near import NearIndex
from factory.text.reasons import Reason
from factory.text.repetition import repetition
from factory.text.strict_json import JsonFault, strict_json
from factory.text.templates import render
from factory.text.thinking import without_thinking

TEMPLATE = "label_propose.j2"
ALIKE, SHOWN, SHORTEST, LONGEST = 0.7, 4, 10, 600
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": SHORTEST, "maxLength": LONGEST}},
    "required": ["text"],
    "additionalProperties": False,
}
_NAME = "new text "
Read = tuple[str | None, Reason | None, str]


class Proposals:
    """`count` texts to be written, the labels that seeds have in turn. The task of one has the seeds that are
    shown as its `parents`."""

    def __init__(self, seeds: list[Seed], labels: dict[str, str], count: int, seed: int):
        self._seeds = {one.seed_id: one for one in seeds}
        self._labels, self._count, self._seed = labels, count, seed
        self._near = NearIndex(ALIKE)
        for one in seeds if count else ():
            self._near.add(one.name, one.question)

    def tasks(self) -> Iterator[Task]:
        """Yield a task for each text; the text itself comes from the teacher."""
        having = {
            label: found
            for label in self._labels
            if (found := [one for one in self._seeds.values() if one.reference == label])
        }
        for number in range(self._count if having else 0):
            label = list(having)[number % len(having)]
            chance = random.Random(f"{self._seed}/{number}")
            lead = chance.choice(having[label])
            others = [one for one in having[label] if one.language == lead.language and one is not lead]
            shown = [*chance.sample(others, min(len(others), SHOWN - 1)), lead]
            yield Task(
                lead.seed_id,
                lead.language,
                lead.family,
                f"{_NAME}{number}",
                label,
                parents=tuple(one.seed_id for one in shown),
            )

    def ask(self, task: Task, about: str, own: Path | None) -> list[dict[str, Any]]:
        """Return the chat messages that ask for a text."""
        text = render(
            TEMPLATE,
            own,
            language=task.language,
            task=about,
            label=quoted(task.reference),
            meaning=self._labels[task.reference],
            # Few seeds are shown again and again: the same request would be given the same answer.
            number=int(task.question.removeprefix(_NAME)) + 1,
            examples=[self._seeds[parent].question for parent in task.parents],
        )
        return [{"role": "user", "content": text}]

    def read(self, task: Task, answer: Answer) -> Read:
        """Return (text, None, ""), or (None, reason, detail)."""
        if answer.error:
            return None, answer.error, ""
        if answer.finish_reason == "length":
            return None, "proposal_cut_off", ""
        said = without_thinking(answer.text)
        if found := unreadable(said):
            return None, *found
        try:
            value = strict_json(said)
        except JsonFault as error:
            return None, error.reason, str(error)[:200]
        text = value.get("text") if isinstance(value, dict) and set(value) == {"text"} else None
        if not isinstance(text, str) or not SHORTEST <= len(text.strip()) <= LONGEST:
            # A server need not hold an answer to its schema.
            return None, "wrong_shape", f'expected {{"text": "..."}} of {SHORTEST} to {LONGEST} characters'
        if found := harmful(text):
            return None, *found
        text = text.strip()
        if looped := repetition(text):
            return None, "repetition", looped
        if foreign := wrong_language(task.language, "", text):
            return None, "wrong_language", foreign
        if near := self._near.nearest(text):
            return None, "near_seed", f"{near[0]}, ROUGE-L {near[1]:.2f}"
        return text, None, ""
