"""Wilson's interval: known values, and what always holds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.evaluate.interval import Z, wilson

shares = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # None and all of the calculator's held-out tasks.
        (0, 272, 0.0, 0.0139),
        (272, 272, 0.9861, 1.0),
    ],
)
def test_known_values(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)


@given(shares)
def test_it_holds_the_share_and_is_never_of_width_zero(share: tuple[int, int]) -> None:
    right, n = share
    low, high = wilson(right, n)
    assert 0 <= low <= right / n <= high <= 1
    assert low < high


@given(shares)
def test_the_bounds_are_where_the_score_test_rejects(share: tuple[int, int]) -> None:
    right, n = share
    for bound in wilson(right, n):
        if 0 < bound < 1:
            score = abs(right / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert score == pytest.approx(Z, rel=1e-6)


@given(shares)
def test_right_and_wrong_are_mirrored(share: tuple[int, int]) -> None:
    right, n = share
    low, high = wilson(right, n)
    assert wilson(n - right, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_more_outcomes_narrow_it_and_none_say_nothing() -> None:
    widths = [high - low for low, high in (wilson(n // 2, n) for n in (2, 10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)
    assert wilson(0, 0) == (0.0, 1.0)
