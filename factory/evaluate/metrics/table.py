"""The table of metrics: the files of this folder, in the order of measuring and of the report's columns.

Promise: one line registers a metric; evaluation, store, `factory audit leaderboard` and report draw from
here.
"""

from importlib import import_module

from factory.evaluate.metrics.metric import Family, Metric

FILES = (
    "accuracy",
    "length",
    "speed",
    "precision",
    "memory",
    "weights",
    "perplexity",
)

FAMILIES: tuple[Family, ...] = tuple(import_module(f"{__package__}.{name}").FAMILY for name in FILES)
METRICS: dict[str, Metric] = {metric.name: metric for family in FAMILIES for metric in family.metrics}


def metric(name: str) -> Metric:
    """Return the metric of that name; a name that is not in the table, as of another version, is its own
    label."""
    return METRICS.get(name) or Metric(name, name.replace("_", " "), "", "higher")
