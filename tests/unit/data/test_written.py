"""What the written data is held to finds what it is to find."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.data_rows import Row
from tests.support.rouge import rouge_l
from tests.support.written import NEAR, leaks, near_pairs, repeated


def rows(*texts: str) -> list[Row]:
    return [{"id": str(place), "language": "en", "text": text} for place, text in enumerate(texts)]


def text_of(row: Row) -> str:
    return row["text"]


@given(st.lists(st.text("abc 的是", max_size=12), max_size=6))
def test_near_pairs_are_those_of_brute_force(texts: list[str]) -> None:
    found = {(one, other) for one, other, _ in near_pairs(rows(*texts), text_of)}
    assert found == {
        (str(one), str(other))
        for other in range(len(texts))
        for one in range(other)
        if rouge_l(texts[one], texts[other]) > NEAR
    }


def test_a_held_out_text_within_a_seed_leaks() -> None:
    held_out = rows("my grey parcel from Leeds has not come")
    seeds = rows("Hello, my grey parcel from Leeds has not come, please help me.", "How do I pay?")
    assert [name for name, _ in leaks(seeds, held_out, text_of, lambda row: "other")] == ["0"]


def test_repeated_ids_are_told() -> None:
    assert repeated([*rows("one", "two"), *rows("three")]) == ["0"]
