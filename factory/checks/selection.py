"""`selection`: of several right rationales of one question, the ones that the recipe keeps."""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample
from factory.text.rouge import rouge_l

ALIKE = 0.7


class SelectionCheck:
    """Fails with longer_rationale or similar_rationale; a sample that failed before passes here, it is not
    what is chosen from.

    `keep` is shortest (by characters), diverse (the shortest first, then each that has a ROUGE-L below 0.7
    with those kept) or all; at most `most` stay, all of them if it is None.
    """

    name = "selection"

    def __init__(self, keep: str, most: int | None):
        self.settings: dict[str, Any] = {"keep": keep, "most": most} | (
            {"alike": ALIKE} if keep == "diverse" else {}
        )
        self._keep, self._most = keep, most

    def judge_draws(self, draws: list[Sample], clean: list[bool]) -> list[Verdict]:
        verdicts = [OK] * len(draws)
        kept: list[str] = []
        if self._keep == "all":
            return verdicts
        for position in sorted(
            (place for place, good in enumerate(clean) if good),
            key=lambda place: (len(draws[place].text), place),
        ):
            reasoning = draws[position].rationale or draws[position].text
            if self._keep == "diverse" and any(rouge_l(reasoning, other) >= ALIKE for other in kept):
                verdicts[position] = Verdict(False, "similar_rationale")
            elif len(kept) == self._most:
                verdicts[position] = Verdict(False, "longer_rationale")
            else:
                kept.append(reasoning)
        return verdicts
