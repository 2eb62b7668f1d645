"""Which samples are looked at when not all are."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from factory.student.artifacts import spread


@given(samples=st.integers(0, 300), count=st.integers(0, 300))
def test_some_of_the_samples_come_evenly_from_all(samples: int, count: int) -> None:
    chosen = spread(range(samples), count)
    assert len(chosen) == len(set(chosen)) == min(samples, count) and chosen == sorted(chosen)
    if chosen:
        assert all(after - before <= -(-samples // count) for before, after in itertools.pairwise([*chosen, samples]))
