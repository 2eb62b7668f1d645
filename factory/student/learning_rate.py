"""The learning rate of each step: a warm-up, and a cosine to 0.

Promise: stages under one schedule have, step by step, the rates that one stage of all their steps would have,
each times its own height.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from factory.recipe.training import Training


@dataclass(frozen=True)
class Rate:
    """The share of the highest rate at each step of a stage that has `first` steps before it, of `steps` in
    all, in the first `warmup` of which the rate rises."""

    first: int
    steps: int
    warmup: int

    def __call__(self, step: int) -> float:
        """Return the share at a step of the stage, counted from 0."""
        at = self.first + step
        if at < self.warmup:
            return (at + 1) / (self.warmup + 1)  # the first step learns too
        return 0.5 * (1 + math.cos(math.pi * min((at - self.warmup) / max(self.steps - self.warmup, 1), 1)))


def rates(stages: Sequence[Training], *, one: bool) -> list[Rate]:
    """Return the rate of each stage: `one` warm-up, which is the first stage's share of all steps, and one
    decay for all of them, or each its own."""
    if not one:
        return [Rate(0, stage.steps, int(stage.warmup * stage.steps)) for stage in stages]
    steps = [stage.steps for stage in stages]
    warmup = int(stages[0].warmup * sum(steps))
    return [Rate(sum(steps[:place]), sum(steps), warmup) for place in range(len(steps))]
