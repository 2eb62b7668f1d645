"""Shares of the held-out tasks: answered rightly, with the reference's own call, readably.

Which of them a kind of data has, and the column of `predictions` that each is the share of, its scorer says.
"""

from collections.abc import Mapping, Sequence

from factory.evaluate.interval import wilson
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return each share that the kind has, with its Wilson interval."""
    found = {}
    for name, column in evaluation.scorer.metrics.items():
        found[name] = share([bool(row[column]) for row in evaluation.predictions])
    return found


def share(outcomes: Sequence[bool]) -> Measurement:
    """Return how many of the outcomes are true, with the Wilson interval of the share."""
    right, n = sum(outcomes), len(outcomes)
    return Measurement(right / n if n else 0.0, *wilson(right, n), n)


FAMILY = Family(
    (
        Metric("answer_accuracy", "Answer is right", "share", "higher"),
        Metric("tool_call_accuracy", "Same call", "share", "higher"),
        Metric("parse_rate", "Readable", "share", "higher"),
    ),
    measure,
    local=False,
    by_source=True,
)
