"""What no check of a recipe would notice in an edit: a question that was changed without its answer or its
reference, and an answer that nothing compares with its reference."""

import unicodedata
from typing import Any

from factory.checks.agreement import AgreementCheck
from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample

_ANSWERING = ("call", "rationale", "answer")


class EditCheck:
    """Fails with old_answer, old_reference, wrong_answer or undecided_answer. `before` is the row that was
    edited, `compares` says that a check of the recipe compares with the reference."""

    name = "edit"

    def __init__(self, before: dict[str, Any], *, compares: bool):
        self.settings: dict[str, Any] = {}
        self._before, self._compares = before, compares

    def judge(self, sample: Sample) -> Verdict:
        """Return the verdict on the edited sample."""
        before, task = self._before, sample.task
        new = any(_bare(before[name]) != _bare(getattr(task, name)) for name in ("question", "input"))
        if new and all((before[name] or None) == (getattr(sample, name) or None) for name in _ANSWERING):
            return Verdict(False, "old_answer", f"the question was: {before['question']}")
        if new and sample.expected is not None and before["reference"] == task.reference:
            return Verdict(False, "old_reference", task.reference)
        if self._compares or sample.expected is None:
            return OK
        return AgreementCheck(0).judge_draws([sample], [True])[0]


def _bare(text: str | None) -> str:
    """Return a text without case, spaces and marks at its end, which change no question."""
    return "".join(unicodedata.normalize("NFKC", text or "").casefold().split()).rstrip(".?!。")
