"""Whether a model's probability of the label that it wrote can be believed, and how many texts it may answer
by itself.

`calibration_error` is the expected calibration error (Naeini et al., 2015; Guo et al., 2017, arXiv
1706.04599): the answers in `BINS` bins of equal width by probability, in each the difference between mean
probability and share of right ones, weighed by their number. `coverage_at_2pct_error` is the largest share
of all held-out texts that are answered where the probability is at least some threshold and at most `RISK`
of those are wrong (selective classification, El-Yaniv & Wiener, 2010): the threshold is chosen on these
texts, so a promise about others needs others. An answer without a probability is never one of them.
"""

from collections.abc import Mapping, Sequence

from factory.evaluate.interval import wilson
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.models.calibration import defer

BINS = 10
RISK = 0.02


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return both figures; nothing where no answer has a probability."""
    rows = evaluation.predictions
    sure = [
        (float(row["confidence"]), bool(row["right_answer"]))
        for row in rows
        if row.get("confidence") is not None
    ]
    if not sure:
        return {}
    answered = coverage(sure)
    return {
        "calibration_error": Measurement(calibration_error(sure), None, None, len(sure)),
        "coverage_at_2pct_error": Measurement(answered / len(rows), *wilson(answered, len(rows)), len(rows)),
    }


def calibration_error(sure: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error of (probability, right)."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in sure:
        bins.setdefault(min(int(confidence * BINS), BINS - 1), []).append((confidence, right))
    # By the sums, since each bin is weighed by its number.
    return sum(
        abs(sum(confidence for confidence, _ in some) - sum(right for _, right in some))
        for some in bins.values()
    ) / len(sure)


def coverage(sure: Sequence[tuple[float, bool]], risk: float = RISK) -> int:
    """Return how many of (probability, right) are answered at the lowest threshold at which at most `risk` of
    them are wrong. Those of one probability are answered together or not at all."""
    return defer(sure, risk).answered


FAMILY = Family(
    (
        Metric(
            "calibration_error",
            "Calibration error",
            "",
            "lower",
            note="Calibration error is how far a label's probability is from the share that is right.",
        ),
        Metric(
            "coverage_at_2pct_error",
            "Answered at 2\N{NO-BREAK SPACE}% error",
            "share",
            "higher",
            under="calibration_error",
            note="Answered at 2\N{NO-BREAK SPACE}% error is the share of the texts that it is sure enough of "
            "if at most so many of those may be wrong.",
        ),
    ),
    measure,
    local=False,
    by_source=True,
)
