"""Confidence intervals: of shares, and by resampling of what is no share."""

import math
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

Z = 1.959963984540054  # the standard normal's quantile at 97.5 %
RESAMPLES = 1000
T = TypeVar("T")


def wilson(right: float, n: int) -> tuple[float, float]:
    """Return the bounds of the 95 % score interval of the share `right` of `n`; (0, 1) where n is 0. A half
    may be counted as a half: that varies less, so the interval is not too narrow.

    Promise: it holds the share, lies within 0 and 1, and is never of width zero: none of 272 is 0 to 1.4 %.
    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    if not n:
        return 0.0, 1.0
    share, square = right / n, Z * Z
    middle = share + square / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + square / n) for sign in (-1, 1))
    # At the ends the bounds are exactly 0 and 1, which rounding would miss.
    return (low if right else 0.0), (high if right < n else 1.0)


def bootstrap(observed: Sequence[T], statistic: Callable[[Sequence[T]], float]) -> tuple[float, float]:
    """Return the bounds of the 95 % percentile interval of a statistic of what was observed, which must not
    be empty; the same each time.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13.
    """
    chance = random.Random(0)
    drawn = sorted(statistic(chance.choices(observed, k=len(observed))) for _ in range(RESAMPLES))
    outside = round(0.025 * RESAMPLES)
    return drawn[outside], drawn[-1 - outside]
