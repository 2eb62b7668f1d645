"""ROUGE-L by its definition, over words and Chinese characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.text.rouge import rouge_l, tokens
from tests.support.rouge import longest_common_subsequence

words = st.lists(
    st.sampled_from(["the", "a", "bee", "hive", "home", "蜂", "花", "3", "ÉTÉ", "!"]), max_size=12
).map(" ".join)
anything = st.text(st.characters(exclude_categories=[]), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The bee's HOME, again!", ["the", "bee", "s", "home", "again"]),
        ("写 Python 代码3行。", ["写", "python", "代", "码", "3", "行"]),
        ("Ｆｕｌｌ width", ["full", "width"]),
        ("snake_case", ["snake", "case"]),
        ("?!", ["?", "!"]),
        (" \n", []),
        ("ผึ้ง", list("ผึ้ง")),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@given(words, words)
def test_it_is_the_f_measure_over_the_longest_common_subsequence(first: str, second: str) -> None:
    left, right = tokens(first), tokens(second)
    expected = (
        2 * longest_common_subsequence(left, right) / (len(left) + len(right)) if left or right else 1.0
    )
    assert rouge_l(first, second) == pytest.approx(expected, abs=1e-12)


@given(anything, anything)
def test_symmetric_and_bounded(first: str, second: str) -> None:
    assert 0 <= rouge_l(first, second) == rouge_l(second, first) <= 1
    assert rouge_l(first, first) == 1


def test_order_counts_and_case_does_not() -> None:
    assert rouge_l("dog bites man", "man bites dog") == pytest.approx(1 / 3)
    assert rouge_l("Write a poem about bees.", "WRITE A POEM, about bees") == 1
    assert rouge_l("写一首关于春天的诗", "写一首关于秋天的诗") == pytest.approx(8 / 9)
