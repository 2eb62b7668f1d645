"""What a server sends is kept as it is, unless no store could keep it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.chat_formats import unreadable
from factory.inference.request import Answer
from factory.inference.storable import MAX_CHARACTERS, storable


def answer(text: str) -> Answer:
    return Answer("b2:key", text, "stop", 1, 2, 0.1, [1, 2], [-0.1, -0.2], [[1], [2]], [[-0.1], [-0.2]])


@pytest.mark.parametrize("text", ["", "fine", "\0\t\n", "潮汐 🌊", "x" * MAX_CHARACTERS])
def test_what_can_be_kept_is_not_touched(text: str) -> None:
    given = answer(text)
    assert storable(given) is given


@pytest.mark.parametrize("size", [MAX_CHARACTERS + 1, 10_000_000])
def test_too_much_is_cut_with_a_note_and_without_its_tokens(size: int) -> None:
    kept = storable(answer("x" * size))
    assert len(kept.text) == MAX_CHARACTERS
    assert kept.text.endswith(f"x\n[cut here: {size} characters]")
    assert (kept.token_ids, kept.token_logprobs, kept.topk_ids, kept.topk_logprobs) == (
        None,
        None,
        None,
        None,
    )
    assert (kept.key, kept.finish_reason, kept.prompt_tokens, kept.completion_tokens) == (
        "b2:key",
        "stop",
        1,
        2,
    )


def test_what_is_cut_is_still_more_than_any_kind_reads() -> None:
    assert MAX_CHARACTERS > unreadable.MAX_CHARACTERS


@given(st.text(st.characters(exclude_categories=[]), max_size=50), st.sampled_from([1, 5000]))
def test_it_can_be_written_and_stays_as_it_is(text: str, times: int) -> None:
    kept = storable(answer(text * times))
    assert kept.text.encode("utf-8").decode("utf-8") == kept.text
    assert len(kept.text) <= MAX_CHARACTERS
    assert storable(kept) is kept
