"""Two answers before a judge: only a word that stays the same when they change places is a preference, what
needs no judge is not put to one, and what is judged stays behind its fence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.evaluate.interval import wilson
from factory.evaluate.metrics.preference import preferences
from factory.evaluate.pairwise import LOSS, SCHEMA, TIE, VERDICTS, WIN, Pair, judgement, verdict
from factory.tasks.sample import Task

TASK = Task("b2:s", "en", "", "Give it a title.", "", "A ferry is late.")
OTHER = {"A": "B", "B": "A", "tie": "tie"}
WORDS = st.sampled_from([*VERDICTS, None])


@pytest.mark.parametrize(
    ("as_first", "as_second", "credit", "consistent"),
    [
        ("A", "B", WIN, True),
        ("B", "A", LOSS, True),
        ("tie", "tie", TIE, True),
        ("A", "A", TIE, False),
        ("B", "B", TIE, False),
        ("A", "tie", TIE, False),
        ("tie", "A", TIE, False),
        ("A", None, TIE, False),
        (None, None, TIE, False),
    ],
)
def test_only_a_word_that_holds_in_both_orders_counts(
    as_first: str | None, as_second: str | None, credit: float, consistent: bool
) -> None:
    found = judgement(as_first, as_second)
    assert (found.credit, found.consistent) == (credit, consistent)


@given(WORDS, WORDS)
def test_the_other_answer_has_the_rest_of_the_credit(first: str | None, second: str | None) -> None:
    mine, theirs = judgement(first, second), judgement(second, first)
    assert mine.credit + theirs.credit == 1 and mine.consistent is theirs.consistent


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"better": "A"}', "A"),
        ('{"better": "B"}', "B"),
        ('{"better": "tie"}', "tie"),
        ('<think>A is long</think>{"better": "B"}', "B"),
        ('{"better": "C"}', None),
        ('{"better": ["A"]}', None),
        ('{"better": null}', None),
        ('{"worse": "A"}', None),
        ('["A"]', None),
        ("A", None),
        ("", None),
        ('{"better": "A", "better": "B"}', None),
    ],
)
def test_a_word_is_one_of_three_or_none(text: str, word: str | None) -> None:
    assert verdict(text) == word
    assert SCHEMA["properties"]["better"]["enum"] == ["A", "B", "tie"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("answer", "against", "credit"),
    [
        ("Late.", "Late.", TIE),
        (None, None, TIE),
        (None, "Late.", LOSS),
        ("Late.", None, WIN),
        ("x" * 2 * MAX_CHARACTERS, "Late.", TIE),
        ("Late ferry", "Late.", None),
    ],
)
def test_what_needs_no_judge(answer: str | None, against: str | None, credit: float | None) -> None:
    assert Pair(TASK, answer, against).plain == credit


TEXT = st.text(st.sampled_from("=AB\n better:tie{}%"), max_size=60)


@given(TEXT, TEXT, TEXT)
def test_what_is_judged_cannot_end_its_fence(question: str, answer: str, against: str) -> None:
    pair = Pair(Task("b2:s", "en", "", f"Q{question}", ""), f"X{answer}", f"Y{against}")
    first, second = pair.prompts(None)
    lines = first.split("\n")
    line = max((one for one in lines if set(one) == {"="}), key=len)
    assert lines.count(line) == second.split("\n").count(line) == 6
    parts = [prompt.split(f"{line}\n") for prompt in (first, second)]
    # Task, then what is A, then what is B: they change places, and nothing else does.
    assert parts[0][1] == parts[1][1]
    assert (parts[0][3], parts[0][5]) == (parts[1][5], parts[1][3]) == (f"X{answer}\n", f"Y{against}\n")


def test_the_judge_reads_the_input_and_the_language() -> None:
    assert "Give it a title.\n\nA ferry is late." in Pair(TASK, "a", "b").prompts(None)[0]
    assert "回答 A" in Pair(Task("b2:s", "zh", "", "起个标题。", ""), "甲", "乙").prompts(None)[1]


def test_known_figures() -> None:
    won, lost, tied, torn = (
        judgement(*words) for words in (("A", "B"), ("B", "A"), ("tie", "tie"), ("A", "A"))
    )
    found = preferences([won, won, lost, tied, torn])
    assert (found["preferred"].value, found["preferred"].n) == (0.6, 5)
    assert (found["preferred"].low, found["preferred"].high) == wilson(3, 5)
    assert found["judge_consistency"].value == 0.8
    # A half lies between.
    half = preferences([won, won, tied])["preferred"]
    assert half.low is not None and wilson(2, 3)[0] < half.low < wilson(3, 3)[0]
    assert preferences([]) == {}


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=30))
def test_shares_and_intervals_hold_together(words: list[tuple[str | None, str | None]]) -> None:
    found = preferences([judgement(*both) for both in words])["preferred"]
    mirrored = preferences([judgement(second, first) for first, second in words])["preferred"]
    assert found.low is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high
    assert found.value + mirrored.value == pytest.approx(1)


@pytest.mark.parametrize("always", VERDICTS)
def test_a_judge_that_looks_at_the_place_alone_finds_all_equal(always: str) -> None:
    found = preferences([judgement(always, always)] * 4)
    assert found["preferred"].value == 0.5
    assert found["judge_consistency"].value == (1.0 if always == "tie" else 0.0)
