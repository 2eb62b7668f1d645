"""`judge`: the score that the teacher gave its own sample by a rubric is high enough.

The score is asked for while the data is made (`factory.tasks.judging`) and kept; this check only compares, so
another threshold needs no teacher.
"""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample


class JudgeCheck:
    """Fails with low_score, or not_scored where the judge gave no score. A sample with a fault of its own was
    not put to the judge."""

    name = "judge"

    def __init__(self, min_score: float):
        self.settings: dict[str, Any] = {"min_score": min_score}
        self._least = min_score

    def judge(self, sample: Sample) -> Verdict:
        if sample.fault is not None:
            return OK
        if sample.score is None:
            return Verdict(False, "not_scored")
        return (
            Verdict(True, score=sample.score)
            if sample.score >= self._least
            else Verdict(False, "low_score", score=sample.score)
        )
