"""The bootstrap interval against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.evaluate.interval import bootstrap_interval

outcomes = st.lists(st.booleans(), min_size=1, max_size=60)
seeds = st.integers(0, 2**31 - 1)


@given(outcomes, st.integers(100, 300), seeds)
def test_bounds(values: list[bool], resamples: int, seed: int) -> None:
    share, low, high = bootstrap_interval(values, resamples, seed)
    assert share == pytest.approx(sum(values) / len(values))
    assert 0 <= low <= high <= 1
    assert (share, low, high) == bootstrap_interval(values, resamples, seed)
    assert all(type(value) is float for value in (share, low, high))


@given(outcomes, seeds)
def test_the_definition(values: list[bool], seed: int) -> None:
    draws = np.random.default_rng(seed).integers(0, len(values), (200, len(values)))
    means = np.asarray(values, dtype=float)[draws].mean(axis=1)
    expected = (np.mean(values), np.quantile(means, 0.025), np.quantile(means, 0.975))
    assert bootstrap_interval(values, 200, seed) == pytest.approx(expected)


@given(st.integers(1, 60), seeds)
def test_without_doubt_there_is_no_width(count: int, seed: int) -> None:
    assert bootstrap_interval([True] * count, 100, seed) == (1, 1, 1)
    assert bootstrap_interval([False] * count, 100, seed) == (0, 0, 0)


def test_no_outcomes() -> None:
    assert bootstrap_interval([], 100, 0) == (0, 0, 0)


def test_close_to_the_normal_interval_where_that_is_known_to_hold() -> None:
    share, low, high = bootstrap_interval([True] * 300 + [False] * 100, 4000, 7)
    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert share == 0.75
    assert low == pytest.approx(0.75 - half, abs=0.01)
    assert high == pytest.approx(0.75 + half, abs=0.01)


def test_more_outcomes_narrow_it() -> None:
    widths = [
        high - low
        for _, low, high in (bootstrap_interval([True, False] * count, 1000, 3) for count in (10, 100, 1000))
    ]
    assert widths == sorted(widths, reverse=True)
