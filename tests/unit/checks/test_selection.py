"""Selection: of several right rationales those stay that the recipe keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.checks.selection import ALIKE, SelectionCheck
from factory.tasks.sample import Sample
from factory.text.rouge import rouge_l
from tests.support.judged import judged

LONG = "First we take the seven boxes, and then we add the four that came later, which makes eleven."
ALIKE_LONG = (
    "First we take the seven boxes, and then we add the four that came later, which makes eleven boxes."
)
SHORT = "Seven and four make eleven."
OTHER = "Counting on from seven: 8, 9, 10, 11."
DRAWS = [LONG, ALIKE_LONG, OTHER, SHORT]


def reasons(
    keep: str, most: int | None, rationales: list[str] = DRAWS, clean: list[bool] | None = None
) -> list[str]:
    draws = [right(text) for text in rationales]
    return [
        verdict.reason
        for verdict in SelectionCheck(keep, most).judge_draws(draws, clean or [True] * len(draws))
    ]


def right(rationale: str) -> Sample:
    return judged("11", rationale=rationale, text=f"{rationale}\nAnswer: 11")


@pytest.mark.parametrize(
    ("keep", "most", "kept"),
    [
        ("shortest", 1, [SHORT]),
        ("shortest", 2, [SHORT, OTHER]),
        ("shortest", 9, DRAWS),
        ("diverse", 1, [SHORT]),
        ("diverse", 2, [SHORT, OTHER]),
        ("diverse", 9, [SHORT, OTHER, LONG]),
        ("all", None, DRAWS),
    ],
)
def test_what_is_kept(keep: str, most: int | None, kept: list[str]) -> None:
    given_reasons = dict(zip(DRAWS, reasons(keep, most), strict=True))
    assert {text for text, reason in given_reasons.items() if reason == "ok"} == set(kept)


def test_why_the_others_go() -> None:
    assert reasons("shortest", 1) == ["longer_rationale", "longer_rationale", "longer_rationale", "ok"]
    assert reasons("diverse", 9) == ["ok", "similar_rationale", "ok", "ok"]


def test_a_wrong_one_is_neither_chosen_nor_in_the_way() -> None:
    assert reasons("shortest", 1, clean=[True, True, True, False]) == [
        "longer_rationale",
        "longer_rationale",
        "ok",
        "ok",
    ]
    assert reasons("diverse", 9, clean=[False, True, True, True]) == ["ok"] * 4
    assert reasons("shortest", 1, clean=[False] * 4) == ["ok"] * 4


def test_of_equally_long_ones_the_first_stays() -> None:
    assert reasons("shortest", 1, ["a b c", "d e f"]) == ["ok", "longer_rationale"]


def test_settings_are_what_decides() -> None:
    assert SelectionCheck("diverse", 3).settings == {"keep": "diverse", "most": 3, "alike": ALIKE}
    assert SelectionCheck("shortest", 3).settings == {"keep": "shortest", "most": 3}


texts = st.lists(
    st.lists(st.sampled_from(["we", "add", "four", "boxes", "so", "eleven"]), min_size=1, max_size=6).map(
        " ".join
    ),
    max_size=8,
)


@given(texts, st.integers(1, 4), st.data())
def test_those_that_stay_differ_and_nothing_else_goes(
    rationales: list[str], most: int, data: st.DataObject
) -> None:
    clean = data.draw(st.lists(st.booleans(), min_size=len(rationales), max_size=len(rationales)))
    found = list(zip(rationales, reasons("diverse", most, rationales, clean), clean, strict=True))
    kept = [text for text, reason, good in found if good and reason == "ok"]
    assert len(kept) <= most
    assert bool(kept) == any(clean)
    assert all(rouge_l(one, other) < ALIKE for place, one in enumerate(kept) for other in kept[:place])
    for text, reason, _ in found:
        if reason == "similar_rationale":
            assert any(rouge_l(text, other) >= ALIKE and len(other) <= len(text) for other in kept)
        if reason == "longer_rationale":
            assert len(kept) == most
            assert all(len(other) <= len(text) for other in kept)
