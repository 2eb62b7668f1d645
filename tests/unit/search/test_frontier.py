"""The frontier against its definition."""

from hypothesis import given
from hypothesis import strategies as st

from factory.search.frontier import Point, frontier

shares = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
costs = st.sampled_from([1.0, 2.0, 3.0])
trials = st.lists(st.tuples(shares, costs, costs), max_size=12).map(
    lambda rows: [Point(number, "", *row) for number, row in enumerate(rows, 1)]
)


def _beats(one: Point, other: Point, cost: str) -> bool:
    cheaper, better = getattr(one, cost) - getattr(other, cost), one.accuracy - other.accuracy
    return cheaper <= 0 and better >= 0 and (cheaper < 0 or better > 0)


@given(trials, st.sampled_from(["weight_bytes", "latency_s"]))
def test_no_other_beats_them_and_all_such_are_there(points: list[Point], cost: str) -> None:
    best = frontier(points, cost)
    unbeaten = {
        (getattr(one, cost), one.accuracy)
        for one in points
        if not any(_beats(other, one, cost) for other in points)
    }
    assert {(getattr(one, cost), one.accuracy) for one in best} == unbeaten
    assert len(best) == len(unbeaten)
    assert best == sorted(best, key=lambda one: getattr(one, cost))


def test_nothing_tried() -> None:
    assert frontier([], "weight_bytes") == []
