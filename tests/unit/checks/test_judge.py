"""The judge's score is compared with the least that the recipe wants."""

import dataclasses

import pytest

from factory.checks.judge import JudgeCheck
from tests.support.judged import judged


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (5.0, "ok"),
        (3.5, "ok"),
        (3.4999, "low_score"),
        (1.0, "low_score"),
        (float("nan"), "low_score"),
        (None, "not_scored"),
    ],
)
def test_judge(score: float | None, reason: str) -> None:
    verdict = JudgeCheck(3.5).judge(dataclasses.replace(judged("Blue."), score=score))
    assert (verdict.passed, verdict.reason) == (reason == "ok", reason)
    assert verdict.score is score


def test_what_was_not_put_to_the_judge_is_for_others_to_reject() -> None:
    assert JudgeCheck(3.5).judge(dataclasses.replace(judged("Blue."), fault="empty")).passed


def test_the_least_score_is_the_setting() -> None:
    assert JudgeCheck(4.0).settings == {"min_score": 4.0}
