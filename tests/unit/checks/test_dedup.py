"""Of those that say the same the first is kept; near ones by ROUGE-L, like-minded ones by meaning."""

from hypothesis import given
from hypothesis import strategies as st

from factory.checks.check import Verdict
from factory.checks.dedup import DedupCheck
from factory.tasks.sample import Sample, Task

contents = st.lists(st.sampled_from(["a", "b", "c"]), max_size=12)


def sample(number: int, said: str, content: str | None = None) -> Sample:
    task = Task("b2:0", "en", "general", said, "")
    return Sample(
        f"k{number}", task, said, "stop", said=said, dedup_key=content or said, sample_id=f"s{number}"
    )


def check(threshold: float | None = None, semantic: float | None = None) -> DedupCheck:
    return DedupCheck(threshold=threshold, semantic=semantic)


def judge_all(dedup: DedupCheck, samples: list[Sample]) -> list[Verdict]:
    verdicts = []
    for one in samples:
        verdicts.append(dedup.judge(one))
        if verdicts[-1].passed:
            dedup.keep(one)
    return verdicts


@given(contents)
def test_the_first_of_each_is_kept_and_named(drawn: list[str]) -> None:
    verdicts = judge_all(check(), [sample(number, content) for number, content in enumerate(drawn)])
    first = {content: f"s{drawn.index(content)}" for content in drawn}
    for number, (content, verdict) in enumerate(zip(drawn, verdicts, strict=True)):
        assert verdict.passed == (first[content] == f"s{number}")
        assert verdict.passed or (verdict.reason, verdict.detail) == ("duplicate", first[content])


def test_what_was_not_kept_stands_in_nobodys_way() -> None:
    dedup = check(threshold=0.7)
    assert dedup.judge(sample(0, "Name three colours of the rainbow.")).passed
    assert dedup.judge(sample(1, "Name three colours of the rainbow.")).passed


def test_a_near_copy_is_told_with_its_rouge() -> None:
    dedup = check(threshold=0.7)
    told = judge_all(
        dedup,
        [
            sample(0, "Write a short story about a fox that is afraid of the dark."),
            sample(1, "Write a short story about a cat that is afraid of the dark."),
            sample(2, "Explain how a bicycle pump works."),
        ],
    )
    assert [(verdict.passed, verdict.reason, verdict.detail) for verdict in told] == [
        (True, "ok", ""),
        (False, "near_duplicate", "s0"),
        (True, "ok", ""),
    ]
    assert told[1].score is not None and 0.7 <= told[1].score < 1


def test_a_copy_in_other_words_is_told_by_its_meaning() -> None:
    dedup = check(semantic=0.6)
    first = sample(0, "How can I lose weight quickly?")
    again = sample(1, "What is a fast way to lose some weight?")
    other = sample(2, "Translate this sentence into Chinese.")
    told = judge_all(dedup, [first, again, other])
    assert [verdict.reason for verdict in told] == ["ok", "semantic_duplicate", "ok"]
