"""ROUGE-L against values worked out by hand, and what has to hold for any two texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rouge import rouge_l, tokens

texts = st.lists(st.sampled_from(["a", "b", "c", "猫", "狗"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("left", "right", "score"),
    [
        ("The cat sat.", "the CAT sat", 1.0),
        ("police killed the gunman", "police kill the gunman", 0.75),
        ("a b c d", "d c b a", 0.25),
        ("我爱猫", "我爱小狗", 4 / 7),
        ("", "word", 0.0),
        ("...", "...", 0.0),
    ],
)
def test_worked_examples(left: str, right: str, score: float) -> None:
    assert rouge_l(left, right) == pytest.approx(score)


@given(texts, texts)
def test_it_is_symmetric_bounded_and_one_only_for_the_same_tokens(left: str, right: str) -> None:
    assert rouge_l(left, right) == rouge_l(right, left)
    assert 0 <= rouge_l(left, right) <= 1
    assert (rouge_l(left, right) == 1) == (tokens(left) == tokens(right) != ())
