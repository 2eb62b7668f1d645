"""Confidence intervals of shares."""

import math

Z = 1.959963984540054  # the standard normal's quantile at 97.5 %


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the bounds of the 95 % score interval of the share `right` of `n`; (0, 1) where n is 0.

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
