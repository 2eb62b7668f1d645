"""Words are counted, and Chinese characters."""

import pytest

from factory.checks.length import LengthCheck
from tests.support.judged import judged

CHECK = LengthCheck(min_words=3, max_words=6)


@pytest.mark.parametrize(
    ("answer", "reason", "count"),
    [
        ("", "too_short", 0),
        ("Two words.", "too_short", 2),
        ("Now these are three... no, six!", "ok", 6),
        ("one two three", "ok", 3),
        ("one two three four five six seven", "too_long", 7),
        ("你好", "too_short", 2),
        ("你好，世界。", "ok", 4),
        ("今天天气非常好。", "too_long", 7),
        ("我爱 Python", "ok", 3),
    ],
)
def test_length(answer: str, reason: str, count: int) -> None:
    verdict = CHECK.judge(judged(answer))
    assert (verdict.reason, verdict.score) == (reason, count)


def test_what_the_teacher_wrote_counts_where_there_is_no_answer() -> None:
    assert CHECK.judge(judged(None, text="one two three four")).passed


@pytest.mark.parametrize(("least", "most"), [(-1, 5), (6, 5)])
def test_limits_that_make_no_sense(least: int, most: int) -> None:
    with pytest.raises(ValueError, match="min_words"):
        LengthCheck(least, most)
