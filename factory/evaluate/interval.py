"""Bootstrap intervals for shares."""

import numpy as np


def bootstrap_interval(outcomes: list[bool], resamples: int, seed: int) -> tuple[float, float, float]:
    """Return (share, low, high): the share of true outcomes and its 95 % percentile-bootstrap interval; (0,
    0, 0) for no outcomes.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not outcomes:
        return 0.0, 0.0, 0.0
    values = np.asarray(outcomes, dtype=float)
    chance = np.random.default_rng(seed)
    # One resample at a time: all of them at once take gigabytes for some thousands of outcomes.
    means = [values[chance.integers(0, len(values), len(values))].mean() for _ in range(resamples)]
    return float(values.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
