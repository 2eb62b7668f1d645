"""Agreement: with the reference, with the lead of the draws, or with the question's own numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.checks.agreement import AgreementCheck
from factory.tasks.sample import Sample, Task


def draw(
    outcome: str | None,
    *,
    expected: str | None = None,
    question: str = "How many?",
    call: Any = None,
    result: str = "",
) -> Sample:
    task = Task("b2:0", "en", "general", question, expected or "")
    return Sample("b2:r", task, "text", "stop", outcome=outcome, expected=expected, call=call, result=result)


def reasons(outcomes: str, margin: float = 0.2, expected: str | None = None) -> list[str]:
    """Judge draws with one letter each; `-` has no outcome."""
    draws = [draw(None if letter == "-" else letter, expected=expected) for letter in outcomes]
    return [verdict.reason for verdict in AgreementCheck(margin).judge_draws(draws, [True] * len(draws))]


def short(outcomes: str, margin: float = 0.2) -> str:
    letters = {"ok": "+", "minority": "m", "no_majority": "?", "no_answer": "-"}
    return "".join(letters[reason] for reason in reasons(outcomes, margin))


def test_with_a_reference_every_draw_stands_alone() -> None:
    assert reasons("AB-A", expected="A") == ["ok", "wrong_answer", "no_answer", "ok"]
    assert reasons("B", expected="A") == ["wrong_answer"]
    assert reasons("A", expected="A") == ["ok"]
    # A reference that cannot be worked out agrees with nothing.
    assert reasons("AA", expected="") == ["wrong_answer"] * 2
    verdict, _ = AgreementCheck(0.2).judge_draws([draw("12", expected="13")] * 2, [True] * 2)
    assert verdict.detail == "12, the reference is 13"


@pytest.mark.parametrize(
    ("outcomes", "margin", "judged"),
    [
        ("AAB", 0.2, "++m"),
        ("ABA", 0.2, "+m+"),
        ("AABB", 0.0, "++mm"),
        ("AABB", 0.01, "????"),
        ("AAAB", 0.5, "+++m"),
        ("AAAB", 0.51, "????"),
        ("AAB", 1.0, "???"),
        ("AAA", 1.0, "+++"),
        ("AA--", 1.0, "++--"),
        # The lead is a share of all readable draws: one of five, not one of the three for the first two.
        ("AABCD", 0.2, "++mmm"),
        ("AABCD", 0.21, "?????"),
        ("AABC-", 0.25, "++mm-"),
        ("A", 0.0, "?"),
        ("A--", 0.0, "?--"),
        ("AB", 0.0, "??"),
        ("ABC", 0.0, "???"),
        ("---", 0.0, "---"),
        ("-", 0.0, "-"),
        ("", 0.0, ""),
    ],
)
def test_the_vote(outcomes: str, margin: float, judged: str) -> None:
    assert short(outcomes, margin) == judged


def test_the_score_is_the_lead() -> None:
    draws = [draw(letter) for letter in "AAABC"]
    verdicts = AgreementCheck(0.2).judge_draws(draws, [True] * 5)
    assert [verdict.score for verdict in verdicts] == [0.4] * 5
    assert verdicts[3].detail == "most say A"


@given(st.lists(st.sampled_from([*"ABCD", None]), max_size=12), st.floats(0, 1))
def test_the_vote_recomputed(outcomes: list[str | None], margin: float) -> None:
    verdicts = AgreementCheck(margin).judge_draws(
        [draw(outcome) for outcome in outcomes], [True] * len(outcomes)
    )
    passed = {outcome for outcome, verdict in zip(outcomes, verdicts, strict=True) if verdict.passed}
    assert len(passed) <= 1
    readable = [outcome for outcome in outcomes if outcome is not None]
    counts = sorted((readable.count(outcome) for outcome in set(readable)), reverse=True)
    leads = bool(counts) and counts[0] >= 2 and (counts[0] - sum(counts[1:2])) / len(readable) >= margin
    assert bool(passed) == leads
    assert all(readable.count(outcome) == counts[0] for outcome in passed if outcome is not None)


def tool(**arguments: Any) -> dict[str, Any]:
    return {"name": "tool", "arguments": arguments}


QUESTION = "A 12.50 dollar ticket and 1,200 seats on 2024-03-05: how much for ２０ people?"


@pytest.mark.parametrize(
    ("call", "strange"),
    [
        (tool(expression="12.5 * 1200"), None),
        (tool(value=12.5, unit="dollar"), None),
        (tool(value=20.0), None),
        (tool(date="2024-03-05", amount=20), None),
        (tool(expression="(20 + 5)"), None),
        (tool(unit="kilometre"), None),
        ([[tool(value=20)], [tool(value=240)]], None),
        ([[tool(value=20), tool(value=21)]], "21"),
        (tool(expression="12.5 * 1201"), "1201"),
        (tool(value=125), "125"),
        (tool(filters=[{"column": "price", "value": 13}]), "13"),
        ([[tool(value=20)], [tool(value=241)]], "241"),
        # What a call has brought itself, or another of its step, it cannot have been told.
        (tool(value=240), "240"),
        ([[tool(value=240)], [tool(value=20)]], "240"),
        ([[tool(value=20)], [tool(value=77)]], "77"),
    ],
)
def test_a_lone_call_is_compared_with_its_question(call: Any, strange: str | None) -> None:
    (verdict,) = AgreementCheck(0.2).judge_draws(
        [draw("x", question=QUESTION, call=call, result='[["240 km"],["77"]]')], [True]
    )
    assert (verdict.reason, verdict.detail) == (("ungrounded_argument", strange) if strange else ("ok", ""))


def test_calls_with_other_draws_are_voted_on() -> None:
    draws = [
        draw("x", question=QUESTION, call=tool(value=77)),
        draw("x", question=QUESTION, call=tool(value=20)),
    ]
    assert [verdict.reason for verdict in AgreementCheck(0.2).judge_draws(draws, [True] * 2)] == ["ok", "ok"]


def reasoned(answer: str, text: str, reference: str = "") -> Sample:
    task = Task("b2:0", "en", "general", "How many?", reference)
    return Sample(
        "b2:r", task, text, "stop", rationale="So.", answer=answer, outcome=answer, expected=reference or None
    )


def votes(*answers: str, margin: float = 0.3) -> list[str]:
    """Judge draws of these answers, each reasoned in a text of its own."""
    draws = [reasoned(answer, f"{number}. So.") for number, answer in enumerate(answers)]
    return [one.reason for one in AgreementCheck(margin).judge_draws(draws, [True] * len(draws))]


@pytest.mark.parametrize(
    ("answer", "reference", "reason"),
    [
        (r"\frac{1}{2}", "0.5", "ok"),
        ("5000 m", "5 km", "ok"),
        ("(B)", "B", "ok"),
        ("2x-3", "2x+3", "wrong_answer"),
        ("5 m", "5 km", "wrong_answer"),
        ("about 5", "5", "undecided_answer"),
        ("9**9**9**9", "5", "undecided_answer"),
    ],
)
def test_a_final_answer_is_compared_by_what_it_means(answer: str, reference: str, reason: str) -> None:
    (verdict,) = AgreementCheck(0.2).judge_draws([reasoned(answer, "text", reference)], [True])
    assert verdict.reason == reason
    assert verdict.passed or verdict.detail.startswith(f"{answer}, the reference is {reference}")


def test_votes_pool_what_means_the_same() -> None:
    assert votes("1/2", r"\frac{1}{2}", "0.5", "2") == ["ok", "ok", "ok", "minority"]
    assert votes("2x+3", "2x-3", "3+2x") == ["ok", "minority", "ok"]
    assert votes("x > 5", "x < 5") == ["no_majority"] * 2
    # `5` is either; the two others are not one.
    assert votes("5 km", "5", "5 m", margin=0) == ["ok", "ok", "minority"]


def test_draws_of_one_text_are_one_vote() -> None:
    same = [reasoned("7", "It is seven.\nAnswer: 7")] * 4
    verdicts = AgreementCheck(0.3).judge_draws(same, [True] * 4)
    assert {verdict.reason for verdict in verdicts} == {"no_majority"}
    assert all("all 4 draws are the same text, which is one vote" in verdict.detail for verdict in verdicts)
    # With a reference they are judged by it, and it is said all the same.
    right = AgreementCheck(0.3).judge_draws([reasoned("7", "Seven.", "7")] * 2, [True] * 2)
    assert [verdict.reason for verdict in right] == ["ok", "ok"]
    assert "all 2 draws are the same text" in right[0].detail
    # Twice the same text and one of another: two votes for 7, and all three stay.
    mixed = [*same[:2], reasoned("7", "7 it is.")]
    assert [one.reason for one in AgreementCheck(0.3).judge_draws(mixed, [True] * 3)] == ["ok"] * 3
    # Nor do spaces and line ends make another text of it, as a gateway may leave them out.
    spaced = [reasoned("7", text) for text in ("It is seven.\nAnswer: 7\n", " It is seven.\r\nAnswer:  7")]
    assert {one.reason for one in AgreementCheck(0.3).judge_draws([*same, *spaced], [True] * 6)} == {
        "no_majority"
    }
    copied = [*same, reasoned("8", "Eight."), reasoned("8", "It is 8."), reasoned("8", "8.")]
    assert [one.reason for one in AgreementCheck(0.3).judge_draws(copied, [True] * 7)] == ["minority"] * 4 + [
        "ok"
    ] * 3
