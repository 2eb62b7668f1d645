"""The table of metrics: the files of this folder, in the order of measuring and of the report's columns.

Promise: one line registers a metric; evaluation, store, `factory audit leaderboard` and report draw from
here.
"""

from importlib import import_module

from factory.evaluate.metrics.metric import Family, Metric

FILES = (
    "accuracy",
    "fields",
    "macro_f1",
    "calibration",
    "speed",
    "precision",
    "memory",
    "weights",
    "perplexity",
)

FAMILIES: tuple[Family, ...] = tuple(import_module(f"{__package__}.{name}").FAMILY for name in FILES)
METRICS: dict[str, Metric] = {metric.name: metric for family in FAMILIES for metric in family.metrics}


def metric(name: str) -> Metric:
    """Return the metric of that name, one that a family knows by how it begins among them; a name of another
    version is its own label."""
    named = (family.named(name) for family in FAMILIES if family.named is not None)
    return (
        METRICS.get(name)
        or next((found for found in named if found is not None), None)
        or Metric(name, name.replace("_", " "), "", "higher")
    )
