"""`decontamination`: no held-out task has leaked into the data.

Compares normalised text (case, spaces and punctuation set aside) of the whole question, and the result together with the question's
numbers in order. Near misses in other words are not looked for.
"""

import re
import unicodedata
from typing import Any

from factory.checks.check import OK, Judged, Verdict
from factory.digest import content_id
from factory.tasks.seed import Seed

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class DecontaminationCheck:
    """Fails with held_out_leak; the detail names the held-out task."""

    name = "decontamination"

    def __init__(self, held_out: list[Seed]):
        self.settings: dict[str, Any] = {"held_out": content_id(sorted(task.seed_id for task in held_out))}
        self._names = {_normal(task.question): task.name for task in held_out}
        self._references = {(*_NUMBER.findall(task.question), task.reference.replace(" ", "")): task.name for task in held_out}

    def judge(self, judged: Judged) -> Verdict:
        task = judged.sample.task
        found = self._names.get(_normal(task.question)) or self._references.get(
            (*_NUMBER.findall(task.question), task.reference.replace(" ", ""))
        )
        return Verdict(False, "held_out_leak", found) if found else OK


def _normal(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum() or char == ".")
