"""A check suite judges every sample by every check, in order; what failed stands in nobody's way; and judging
again says the same."""

from typing import Any

from factory.checks.check import OK, Verdict, check_key
from factory.checks.suite import CheckSuite
from factory.tasks.sample import Sample
from tests.support.judged import judged


class Says:
    """Passes what has a word in its answer."""

    settings: dict[str, Any] = {}

    def __init__(self, name: str, word: str):
        self.name, self._word = name, word

    def judge(self, sample: Sample) -> Verdict:
        return OK if self._word in (sample.answer or "") else Verdict(False, f"no_{self._word}")


class FirstClean:
    """Passes the first draw that was clean before."""

    name = "first"
    settings: dict[str, Any] = {"of": "clean"}

    def __init__(self) -> None:
        self.given: list[list[bool]] = []

    def judge_draws(self, draws: list[Sample], clean: list[bool]) -> list[Verdict]:
        self.given.append(clean)
        first = clean.index(True) if True in clean else None
        return [OK if place == first else Verdict(False, "not_first") for place in range(len(draws))]


class New:
    """Passes answers that were not kept before."""

    name = "new"
    settings: dict[str, Any] = {}

    def __init__(self) -> None:
        self.kept: list[str | None] = []

    def judge(self, sample: Sample) -> Verdict:
        return Verdict(False, "old") if sample.answer in self.kept else OK

    def keep(self, sample: Sample) -> None:
        self.kept.append(sample.answer)


def passed(suite: CheckSuite, *answers: str) -> list[str]:
    """Judge the draws of one task; a letter for each verdict, small where it failed."""
    letters = []
    for checked in suite.judge([judged(answer) for answer in answers]):
        letters.append(
            "".join(
                row["check_name"][0].upper() if row["passed"] else row["check_name"][0]
                for row in checked.verdicts
            )
        )
        assert checked.accepted == letters[-1].isupper()
    return letters


def test_every_check_judges_every_sample_in_order() -> None:
    assert passed(CheckSuite([Says("a", "a"), Says("b", "b")], [], [New()]), "ab", "a", "") == [
        "ABN",
        "AbN",
        "abN",
    ]


def test_draws_know_which_were_clean_and_each_group_what_the_one_before_said() -> None:
    groups = [FirstClean(), FirstClean()]
    assert passed(CheckSuite([Says("a", "a")], [*groups], []), "b", "a", "aa") == ["aff", "AFF", "Aff"]
    assert [group.given for group in groups] == [[[False, True, True]], [[False, True, False]]]


def test_only_what_passed_everything_is_kept() -> None:
    new = New()
    suite = CheckSuite([Says("a", "a")], [FirstClean()], [new])
    assert passed(suite, "x", "a1", "a2") == ["afN", "AFN", "AfN"]
    assert new.kept == ["a1"]
    assert passed(suite, "x", "a1") == ["afN", "AFn"]
    assert new.kept == ["a1"]
    # Draws of one task are compared with each other, too.
    assert passed(CheckSuite([], [], [New()]), "a", "a", "b") == ["N", "n", "N"]


def test_two_stream_checks_keep_together() -> None:
    first, second = New(), New()
    second.kept.append("b")
    passed(CheckSuite([], [], [first, second]), "a", "b")
    assert (first.kept, second.kept) == (["a"], ["b", "a"])


def test_a_task_without_samples_is_judged() -> None:
    assert CheckSuite([Says("a", "a")], [FirstClean()], [New()]).judge([]) == []


def test_the_keys_are_those_of_the_rows() -> None:
    suite = CheckSuite([Says("a", "a")], [FirstClean()], [New()])
    (checked,) = suite.judge([judged("a")])
    assert [row["check_key"] for row in checked.verdicts] == suite.keys
    assert [key.partition("@")[0] for key in suite.keys] == ["a", "first", "new"]
    assert suite.keys[0] == check_key("a", {})


def test_what_hangs_on_other_samples_has_another_key_under_other_checks_or_another_plan() -> None:
    def keys(*single: str, plan: str = "b2:one", groups: int = 1, streams: int = 1) -> list[str]:
        return CheckSuite(
            [Says(name, "a") for name in single], [FirstClean()] * groups, [New()] * streams, plan
        ).keys

    (a, first, new), (_, b, first_b, new_b) = keys("a"), keys("a", "b")
    assert first != first_b and new != new_b
    assert keys("b", "a") == [b, a, first_b, new_b], (
        "in which order single samples were judged decides nothing"
    )
    other = keys("a", plan="b2:two")
    assert other[0] == a and first != other[1] and new != other[2]
    more = keys("a", groups=2)
    assert more[:2] == [a, first] and len(set(more)) == 4 and new not in more, (
        "a second group sees what the first one said"
    )
    two = keys("a", streams=2)
    assert two[:2] == [a, first] and new not in two, "what the second refuses, the first does not keep"
