"""`decontamination`: no held-out task has leaked into the data.

Compares the whole question with case, spaces and punctuation set aside (`1,200` is `1200`, but `4 738` is not `47 38`), and the reference
together with the question's numbers in order. Near misses in other words are not looked for.
"""

import re
import unicodedata
from typing import Any

from factory.checks.check import OK, Judged, Verdict
from factory.digest import content_id
from factory.seeds.seed import Seed

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER_OR_LETTER = re.compile(rf"{_NUMBER.pattern}|[^\W\d_]")


class DecontaminationCheck:
    """Fails with held_out_leak; the detail names the held-out task."""

    name = "decontamination"

    def __init__(self, held_out: list[Seed]):
        self.settings: dict[str, Any] = {"held_out": content_id(sorted(task.seed_id for task in held_out))}
        self._questions = {_said(task.question): task.name for task in held_out}
        self._references = {_worked_out(task.question, task.reference): task.name for task in held_out}

    def judge(self, judged: Judged) -> Verdict:
        task = judged.sample.task
        found = self._questions.get(_said(task.question)) or self._references.get(_worked_out(task.question, task.reference))
        return Verdict(False, "held_out_leak", found) if found else OK


def _said(question: str) -> tuple[str, ...]:
    return tuple(_NUMBER_OR_LETTER.findall(_normal(question)))


def _worked_out(question: str, reference: str) -> tuple[str, ...]:
    return (*_NUMBER.findall(_normal(question)), reference.replace(" ", ""))


def _normal(text: str) -> str:
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
