"""How many of the held-out tasks have each part right, such as each field that was to be found in a text.

The metric of the field `city` is `field_city`: names are the recipe's.
"""

from collections.abc import Mapping

from factory.evaluate.interval import wilson
from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.tasks.scorer import PartScorer

_BEGINS = "field_"


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the share of each part, with its Wilson interval; nothing for a kind without parts."""
    if not isinstance(evaluation.scorer, PartScorer):
        return {}
    rows = [evaluation.scorer.parts(row) for row in evaluation.predictions]
    found: dict[str, Measurement] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        right = sum(row[name] for row in rows)
        found[f"{_BEGINS}{name}"] = Measurement(right / len(rows), *wilson(right, len(rows)), len(rows))
    return found


def named(name: str) -> Metric | None:
    """Return the metric of a field."""
    if not name.startswith(_BEGINS):
        return None
    return Metric(name, name.removeprefix(_BEGINS), "share", "higher", under="answer_accuracy")


FAMILY = Family((), measure, local=False, by_source=True, named=named)
