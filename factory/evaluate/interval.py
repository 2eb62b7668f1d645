"""Bootstrap intervals for shares."""

import numpy as np


def bootstrap_interval(outcomes: list[bool], resamples: int, seed: int) -> tuple[float, float, float]:
    """Return (share, low, high): the share of true outcomes and its 95 % percentile-bootstrap interval; (0, 0, 0) for no outcomes.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not outcomes:
        return 0.0, 0.0, 0.0
    values = np.asarray(outcomes, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
