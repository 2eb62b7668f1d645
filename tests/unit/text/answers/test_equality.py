"""Answers are the same exactly where they mean the same: numbers, units, formulas, relations, lists,
words."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.text.answers import algebra, equality
from factory.text.answers.equality import MAX_CHARACTERS, Comparison, compare
from factory.text.answers.spelling import spell

DIFFERENT = [
    # One number does not decide: letters, roots, signs and relations count.
    ("2π", "π/2"), ("√2", "2"), ("√3/3", "1"), ("-√3", "3"), ("sqrt(5)", "5"),
    ("5!", "5"), ("x > 5", "x < 5"),
    ("x^2", "2"), ("n+1", "n-1"), ("y=-x+4", "y=x+4"), ("2x+3", "2x-3"),
    ("3-2i", "3+2i"), ("1-1/e", "1+1/e"),
    ("(-∞,3)", "(3,∞)"), ("[0,1)", "(0,1]"), ("±2021", "2021"),
    ("a/b", "b/a"), ("e^x", "e^{-x}"), ("x ≥ 2", "x > 2"), ("2^{300}", "2^{300}+1"),
    ("x^2=-1", "x^2=-4"),
    ("x'", "x"), ("1010_2", "1010"), ("x = 5", "y = 5"), ("1,200", "1, 200"),
    ("- 3", "3"), ("1e3", "13"),
    # What a number counts is a part of it.
    ("5 km", "5 m"), ("$5", "€5"), ("C#", "C"),
    ("5 mW", "5 MW"), ("12 m²", "12 m³"), ("5 °C", "5 °F"), ("5 million", "5"),
    ("0.5%", "0.5"), ("5m", "5"),
    ("C++", "C#"), ("12 apples", "12 pears"), ("not 5", "5"), ("5 or more", "5"),
    ("约5", "5"), ("三角形", "3"),
    ("(A)", "(B)"), ("(A) Paris", "(B) Paris"), ("Yes", "No"),
    ("Yes, but not always", "Yes"), ("是", "不是"),
    ("tea and coffee", "tea or coffee"), ("6:15", "6:51"), ("2024-12-10", "2024-10-12"),
    ("stop", "pots"),
    ("3×4", "4×3"), ("red, blue", "blue, red"), ("5-6", "-1"), ("5-6", "4-5"), ("12 - 7", "5"),
]  # fmt: skip
SAME = [
    ("5-6", "5 – 6"),
    ("1/2", r"\frac{1}{2}"), (r"\dfrac{3}{4}", "0.75"), (r"\text{east}", "east"),
    ("9500", "9{,}500"),
    ("1000", "1 000"), ("0.5", "50%"), ("1024", "2^{10}"), ("90", r"90^\circ"),
    (r"\$5", "5 dollars"),
    (r"\frac12", ".5"), (r"2\frac{1}{3}", "7/3"), (r"1{,}234{,}567", "1234567"), (r"12.5\%", "1/8"),
    (r"\sqrt{8}", "2√2"), ("1 hour", "60 minutes"), ("5 km", "5"), ("US$5", "5 USD"),
    ("€1.200,50", "1200.5 euros"),
    ("三十二", "32"), ("一百二十个", "120"), ("百分之五十", "1/2"), ("twenty-one", "21"),
    ("one hundred and five", "105"),
    ("(B)", "B."), (r"\text{B}", "b"), ("Option B", "(B) Paris"),
    ("Yes, it is.", "yes"), ("いいえ", "No"),
    ("x = 5", "5"), ("5 < x", "x > 5"), ("x > 5", r"(5, \infty)"), ("1<x<2", "(1,2)"),
    ("2x=10", "x=5"),
    (r"\{1,2\}", "2 and 1"), ("x = -3 or x = 4", "x=4 or x=-3"), (r"\pm 3", "3, -3"),
    ("]0,1[", "(0,1)"),
    ("1/3", "0.333333"), ("the Eiffel Tower", "Eiffel tower."), ("6:15", "06:15"),
    (r"\boxed{\text{(C)}}", "C"),
    ("-5 °C", "−5 °C"), ("There are 12 boxes.", "12"), (r"(\frac{1}{2}, 3)", "(0.5, 3)"),
]  # fmt: skip
DEEP = "(" * 10_000 + "x" + ")" * 10_000
HOSTILE = {
    ("9**9**9**9", "1"): "not worked out: a power is raised to a power",
    (DEEP, "x"): f"an answer has more than {MAX_CHARACTERS} characters",
    ("1" * 100_000, "2" * 100_000): f"an answer has more than {MAX_CHARACTERS} characters",
    ("(((9^{399})^{399})^{399})^{399}", "2"): "not worked out: a great power is raised again",
    ("99999!", "1"): "not worked out: a factorial beyond 400",
    ("x" + "+x" * 200, "y"): "not worked out: a formula of more than 300 characters",
    ("(" * 20 + "x" + ")" * 20, "y"): "not worked out: brackets are nested more than 12 deep",
    ("7" * 40 + "x", "y"): "not worked out: a number of more than 30 digits",
}


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_means_the_same_is_equal(one: str, other: str) -> None:
    assert compare(one, other) == compare(other, one) == Comparison(True)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_means_something_else_is_not(one: str, other: str) -> None:
    assert not compare(one, other).equal
    assert compare(one, other) == compare(other, one)


@pytest.mark.parametrize(("one", "other"), HOSTILE)
def test_a_hostile_answer_is_undecided_with_its_reason(one: str, other: str) -> None:
    assert compare(one, other) == Comparison(False, False, HOSTILE[one, other])
    assert compare(one, one).equal


def test_work_beyond_the_limit_is_stopped_and_the_next_question_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(algebra.Stopped):
        algebra.same_formula(["9^{9^{9^{9}}}"], ["2"])
    assert algebra.same_formula(["x+1"], ["1+x"]) is True

    def stopped(*_: object, **__: object) -> bool:
        raise algebra.Stopped

    monkeypatch.setattr(equality, "same_formula", stopped)
    assert compare("8u+y", "u+7y") == Comparison(False, False, "it takes too long to work out")


SIGNS = st.sampled_from(
    [*"0123456789.,/-−+*^_=<>()[]{}|!%$€°²½π√∞±abixykmgsABC \n'\"", "\\frac", "\\text{", "\\{", "\\}", " km",
     " and ", "answer", "万", "百分之", "个", "≤", "∪", "yes", "no", "the ", "\ud800", "\u202e"]
)  # fmt: skip
TEXTS = st.text(max_size=40) | st.lists(SIGNS, max_size=12).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
@example("")
@example("**")
@example("x'")
def test_every_text_is_the_same_as_itself(text: str) -> None:
    assert compare(text, text).equal
    assert compare(text, f" {text} ").equal or not text.strip()


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
@example("$5", "-$5")
@example("5 km", "5")
def test_the_order_of_two_texts_does_not_matter(one: str, other: str) -> None:
    found = compare(one, other)
    assert found == compare(other, one)
    assert found.decided or (not found.equal and found.detail)


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(0, 6), st.integers(1, 10**6))
def test_a_number_is_equal_in_every_spelling_and_to_no_other(number: int, places: int, gap: int) -> None:
    value = f"{number / 10**places:.{places}f}"
    for spelt in (
        f"{number / 10**places:,.{places}f}",
        f"**{value}**",
        f"${value}$",
        f"\\boxed{{{value}}}",
        f"{value} pens",
    ):
        assert compare(value, spelt).equal, spelt
        assert not compare(f"{(number + gap) / 10**places:.{places}f}", spelt).equal, spelt


@given(TEXTS)
def test_a_spelling_stays_as_it_is(text: str) -> None:
    assert spell(spell(text)) == spell(text) or compare(spell(text), text).equal
