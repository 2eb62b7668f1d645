"""How cross-entropy, divergence and alignment weigh beside each other in one step.

Promise: with `mix: add` the cross-entropy counts whole, wherever something is learnt, and no other term is
more than `bound` times it, by their running means, which have no gradient. With `share` a weight is taken
from the cross-entropy, and nothing is bounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mix = Literal["add", "share"]
Term = Literal["divergence", "own_divergence", "hidden"]
ANSWERS = "cross_entropy"


@dataclass(frozen=True)
class Balance:
    """The weights of one step. `means` are the running means of the steps before (`factory.student.pace`)."""

    mix: Mix = "share"
    bound: float | None = None
    means: Mapping[str, float] = field(default_factory=dict)

    def answers(self, weight: float) -> float:
        """Return what cross-entropy counts beside a divergence of this weight."""
        return 1 - weight if self.mix == "share" else 1.0

    def is_open(self, term: Term, weight: float, *, answers: bool) -> bool:
        """Whether the bound depends on values that no step before this one has had; `answers`: this one has
        cross-entropy."""
        if self.mix == "share" or self.bound is None or weight == 0:
            return False
        return term not in self.means if ANSWERS in self.means else answers

    def bounded(self, term: Term, weight: float, now: Mapping[str, float]) -> float:
        """Return what a term of this weight counts; `now` are the values of this step, for those that have no
        mean. Where cross-entropy was never seen there is nothing to protect."""
        if self.mix == "share" or self.bound is None:
            return weight
        answers, value = (self.means.get(name, now.get(name)) for name in (ANSWERS, term))
        if answers is None or value is None or value <= 0:
            return weight
        return min(weight, self.bound * answers / value)
