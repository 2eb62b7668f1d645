"""Pareto frontier of the trials.

A trial is on the frontier of a cost if no other is at least as accurate and costs at most as much, one of
both strictly (Pareto).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """Result of one trial: accuracy as a share, bytes of weights, seconds of a request of 32 tokens
    that is alone. `fits`: it is within the limits that the search was given."""

    number: int
    label: str
    accuracy: float
    weight_bytes: float
    latency_s: float
    fits: bool = True


def frontier(points: Sequence[Point], cost: str) -> list[Point]:
    """Return the points that no other beats, by the attribute `cost` ("weight_bytes", "latency_s"), cheapest
    first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (getattr(one, cost), -one.accuracy, one.number)):
        if not best or point.accuracy > best[-1].accuracy:
            best.append(point)
    return best
