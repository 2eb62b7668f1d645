"""Final answers are found at their mark, and equal exactly when they say the same number or the same
words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.tasks.rationale.answer import normal_answer
from factory.tasks.rationale.marks import split_answer
from factory.text.templates import render

SAME = [
    ("3/4", "0.75", "0.750", ".75", " 3 / 4 ", "**0.75**", "¾", "3⁄4"),
    ("1,200", "1200", "1,200.00", "$1,200", "1200 dollars", "１２００", "共1200个", "US$1,200", "01200"),
    ("$12.50", "12.5", "€12.50.", "12.5 yuan", "`12.50`"),
    ("12 km", "12", "12 m²", "12 km/h", "12%", "x = 12", "__12__", "12个苹果"),
    ("-5", "−5", "-$5", "$-5", "-5 °C", "x = -5"),
    ("1/3", "0.333333", "1/3 of it", "2/6"),
    ("The Eiffel Tower", "eiffel tower.", '"Eiffel  Tower"', "eiffel, tower"),
    ("A", "a", "a."),
    ("6:15", "06:15"),
    ("2024-03-01", "2024-3-1"),
    ("x = -3 or x = 4.50", "X = -3 or x = 4.5"),
    ("蓝色", "蓝色。", "“蓝色”"),
]
DIFFERENT = [
    "5",
    "-5",
    "0.5",
    "50",
    "A",
    "B",
    "<",
    ">",
    "10²",
    "102",
    "1½",
    "11/2",
    "2024-12-10",
    "2024-10-12",
    "1/2/2024",
    "2/4/2024",
]
DIFFERENT += [
    "x = -3 or x = 4",
    "x = 3 or x = 4",
    "A1",
    "B1",
    "5e3",
    "1.5.2",
    "1 and 5",
    "1.5 and 2",
    "15 and 2",
    "blue",
    "蓝色",
    "9" * 40,
]


@pytest.mark.parametrize("answers", SAME, ids=lambda answers: answers[0])
def test_what_says_the_same_is_equal(answers: tuple[str, ...]) -> None:
    assert {answer: normal_answer(answer) for answer in answers} == dict.fromkeys(
        answers, normal_answer(answers[0])
    )


def test_what_says_something_else_is_not() -> None:
    assert len({normal_answer(answer): answer for answer in DIFFERENT}) == len(DIFFERENT)


def test_the_normal_form_of_a_number_is_the_calculators() -> None:
    assert [normal_answer(answer) for answer in ("1,200", "12.50 km", "2/8", "-0.0", "007")] == [
        "1200",
        "12.5",
        "0.25",
        "0",
        "7",
    ]


signs = st.sampled_from([*"0123456789.,/-−+*eE$€%²½⁄ \nABmx²xthe_的ªß", "the ", "1,000", "a "])


@given(st.text() | st.lists(signs, max_size=12).map("".join))
@example("İ ΐ")
@example("* '<' *")
@example("1e999999999")
@example("1/0")
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    assert normal_answer(normal_answer(text)) == normal_answer(text)


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_a_number_is_equal_in_every_way_to_write_it(number: int, decimals: int) -> None:
    value = f"{number / 10**decimals:.{decimals}f}"
    ways = [
        value,
        f"${value}" if number >= 0 else f"-${value[1:]}",
        f"{value} apples",
        f"**{value}**",
        f"It is {value}.",
    ]
    ways.append(f"{number / 10**decimals:,.{decimals}f}")
    ways.append(f"{number}/{10**decimals}")
    assert len({normal_answer(way) for way in ways}) == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("6 * 7 = 42\nAnswer: 42", ("6 * 7 = 42", "42")),
        ("六七四十二。\n答案：42", ("六七四十二。", "42")),
        ("Six sevens. The final answer is: 42.", ("Six sevens.", "42.")),
        ("So 41?\nAnswer: 41\nNo, 42.\nanswer : 42\nThat is all.", ("So 41?\nAnswer: 41\nNo, 42.", "42")),
        ("Steps.\n\n**Final answer:** 42", ("Steps.", "42")),
        ("Steps.\n## Answer:\n**42**", ("Steps.", "42")),
        ("It is 42.", None),
        ("Answer: 42", None),
        ("Steps.\nAnswer:", None),
        ("Steps.\nAnswer:  \n ", None),
        ("", None),
    ],
)
def test_the_last_mark_parts_rationale_and_answer(text: str, parts: tuple[str, str] | None) -> None:
    assert split_answer(text) == parts


@given(
    st.text()
    | st.lists(
        st.sampled_from(["Answer:", "答案：", "answer is: ", "x", "42", " ", "\n", "**", ":", "#"])
    ).map("".join)
)
def test_a_rendered_turn_gives_its_parts_back(text: str) -> None:
    if (parts := split_answer(text)) is not None:
        for language in ("en", "zh"):
            assert (
                split_answer(
                    render("rationale_turn.j2", language=language, rationale=parts[0], answer=parts[1])
                )
                == parts
            )


@pytest.mark.parametrize(
    "unit", ["answer ", "answer" + " " * 9, "\n", "1", "1 ", "1,000", "1/", "-", "9.9.", "²"]
)
def test_no_text_takes_for_ever(unit: str) -> None:
    # Patterns that are worse than linear would show as the timeout of the suite.
    long = unit * (20_000 // len(unit))
    assert normal_answer(long) == normal_answer(normal_answer(long))
    assert split_answer("answer" + long * 20 + "x") is None
    assert split_answer("answer" + " " * 1_000_000) is None
