"""The calculator answers exactly, and refuses everything else with a reason, whatever it is given."""

import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError
from factory.tools.registry import run_tool

ANSWERS = [
    ("2 + 3 * 4", "14"),
    ("(2 + 3) * 4", "20"),
    ("0.1 + 0.2", "0.3"),
    ("1 / 3", "0.333333"),
    ("2 / 3", "0.666667"),
    ("7 // 2", "3"),
    ("-7 // 2", "-4"),
    ("-7 % 3", "2"),
    ("1.5 % 0.4", "0.3"),
    ("2 ** 10", "1024"),
    ("2 ** -3", "0.125"),
    ("-2 ** 2", "-4"),
    ("2 ** 3 ** 2", "512"),
    ("0 ** 0", "1"),
    ("--3", "3"),
    ("+3", "3"),
    (".5 + 1.", "1.5"),
    ("2.50 * 2", "5"),
    ("100 * 100", "10000"),
    ("0.0000005", "0"),
    ("0.0000015", "0.000002"),
    ("-0.0000005", "0"),
    ("-0", "0"),
    ("  1 + 1  ", "2"),
    ("12 × 7 ÷ 4 − 1", "20"),
    ("（3 + 4）× 2", "14"),
    ("1" * 30 + " + 1", "1" * 29 + "2"),
    ("+".join("1" * 64), "64"),
    ("(" * 64 + "5" + ")" * 64, "5"),
    ("10 ** 50 * 10 ** 49", "1" + "0" * 99),
]

EVIL = [
    ("", "syntax"),
    ("   ", "syntax"),
    ("1 +", "syntax"),
    ("(1", "syntax"),
    (")(", "syntax"),
    ("5 5", "syntax"),
    ("007", "syntax"),
    ("1..5", "syntax"),
    ("15% * 240%", "syntax"),
    ("*1", "syntax"),
    ("2 ^ 3", "not_allowed"),
    ("...", "not_allowed"),
    ("()", "not_allowed"),
    ("3(4)", "not_allowed"),
    ("(3)(4)", "not_allowed"),
    ("1,000 + 1", "not_allowed"),
    ("1_000", "not_allowed"),
    ("1e9", "not_allowed"),
    ("0x10", "not_allowed"),
    ("1j", "not_allowed"),
    ("1 if 1 else 2", "not_allowed"),
    ("True", "not_allowed"),
    ("abs(1)", "not_allowed"),
    ("__import__('os').system('true')", "not_allowed"),
    ("(1).real", "not_allowed"),
    ("'a' * 9", "not_allowed"),
    ("1 < 2", "not_allowed"),
    ("6 & 3", "not_allowed"),
    ("6 @ 3", "not_allowed"),
    ("~1", "not_allowed"),
    ("1 # 2", "not_allowed"),
    ("1\n+ 1", "not_allowed"),
    ("1\x00", "not_allowed"),
    ("\ud800", "not_allowed"),
    ("９ + 1", "not_allowed"),
    ("٣ + 1", "not_allowed"),
    ("\u200b1", "not_allowed"),
    ("4 ** 0.5", "not_allowed"),
    ("9**9**9", "too_large"),
    ("2 ** 65", "too_large"),
    ("2 ** -65", "too_large"),
    ("9" * 30 + "**64", "too_large"),
    ("0." + "0" * 28 + "1**-64", "too_large"),
    ("9**64 * 9**64", "too_large"),
    ("1" * 31, "too_large"),
    ("0." + "1" * 31, "too_large"),
    ("(" * 65 + "1" + ")" * 65, "too_large"),
    ("(" * 99 + "1" + ")" * 99, "too_large"),
    ("-" * 100 + "1", "too_large"),
    ("-" * 199 + "1", "too_large"),
    ("+".join("1" * 100), "too_large"),
    ("1" + "**1" * 66, "too_large"),
    ("(" * 10_000 + "1" + ")" * 10_000, "too_long"),
    ("9" * 1_000_000, "too_long"),
    ("a" * 201, "too_long"),
    ("1 / 0", "division_by_zero"),
    ("1 // 0", "division_by_zero"),
    ("1 % (2 - 2)", "division_by_zero"),
    ("0 ** -1", "division_by_zero"),
]


@pytest.mark.parametrize(("expression", "answer"), ANSWERS)
def test_answers(expression: str, answer: str) -> None:
    assert evaluate(expression) == answer


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("expression", "reason"), EVIL)
def test_refuses_with_a_reason(expression: str, reason: str) -> None:
    with pytest.raises(ToolError) as caught:
        evaluate(expression)
    assert caught.value.reason == reason
    caught.value.message.encode("utf-8")


def test_a_caret_is_told_how_to_write_a_power() -> None:
    with pytest.raises(ToolError, match=r"\*\*"):
        evaluate("2^3")


@pytest.mark.filterwarnings("error")
@given(st.one_of(st.text(), st.text(alphabet="0123456789.+-*/%() ^×÷−（）", max_size=210)))
def test_any_text_is_answered_or_refused(text: str) -> None:
    try:
        answer = evaluate(text)
    except ToolError:
        return
    assert Fraction(answer).limit_denominator(10**6) == Fraction(answer)
    assert answer not in ("-0", "")


NUMBERS = st.one_of(
    st.integers(0, 999).map(str),
    st.decimals(0, 999, places=2).map(str),
)


def _tree(
    parts: st.SearchStrategy[tuple[str, Fraction | None]],
) -> st.SearchStrategy[tuple[str, Fraction | None]]:
    return st.builds(_join, st.sampled_from(["+", "-", "*", "/", "//", "%"]), parts, parts)


def _join(
    operator: str, left: tuple[str, Fraction | None], right: tuple[str, Fraction | None]
) -> tuple[str, Fraction | None]:
    text = f"({left[0]} {operator} {right[0]})"
    a, b = left[1], right[1]
    if a is None or b is None or (b == 0 and operator in ("/", "//", "%")):
        return text, None
    value = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "//": lambda: Fraction(a // b),
        "%": lambda: a % b,
    }[operator]()
    return text, value


@given(st.recursive(NUMBERS.map(lambda text: (text, Fraction(text))), _tree, max_leaves=8))
def test_agrees_with_fractions(tree: tuple[str, Fraction | None]) -> None:
    text, value = tree
    if value is None:
        with pytest.raises(ToolError, match="division_by_zero"):
            evaluate(text)
    else:
        assert Fraction(evaluate(text)) == round(value, 6)


def test_the_registry_runs_the_calculator() -> None:
    assert run_tool("calculator", {"expression": "12 * 7"}) == "84"


@pytest.mark.parametrize(
    "arguments", [{}, {"expression": 5}, {"expression": "1", "precision": 2}, {"formula": "1"}]
)
def test_the_registry_refuses_other_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ToolError) as caught:
        run_tool("calculator", arguments)
    assert caught.value.reason == "bad_arguments"


def test_the_registry_refuses_unknown_tools() -> None:
    with pytest.raises(ToolError) as caught:
        run_tool("shell", {"command": "true"})
    assert caught.value.reason == "unknown_tool"


def test_a_tool_error_crosses_processes() -> None:
    copy = pickle.loads(pickle.dumps(ToolError("syntax", "no")))
    assert (copy.reason, copy.message) == ("syntax", "no")
