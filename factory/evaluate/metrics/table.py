"""The table of metrics: the files of this folder, in the order of measuring and of the report's columns.

Promise: one line registers a metric; evaluation, store, `factory audit leaderboard` and report draw from
here.
"""

from dataclasses import replace
from importlib import import_module

from factory.evaluate.metrics.metric import Family, Metric

FILES = (
    "accuracy",
    "preference",
    "fields",
    "macro_f1",
    "calibration",
    "length",
    "deferral",
    "labelling",
    "speed",
    "precision",
    "memory",
    "weights",
    "perplexity",
)

_OF = "@"  # between a metric and the source of data that it is measured on

FAMILIES: tuple[Family, ...] = tuple(import_module(f"{__package__}.{name}").FAMILY for name in FILES)
METRICS: dict[str, Metric] = {metric.name: metric for family in FAMILIES for metric in family.metrics}


def metric(name: str) -> Metric:
    """Return the metric of that name, of one source of data too; a name that is not in the table, as of
    another version, is its own label."""
    known, _, source = name.partition(_OF)
    found = METRICS.get(known) or _named(known)
    if found is None:
        return Metric(name, name.replace("_", " "), "", "higher")
    return replace(found, name=name, label=f"{found.label}: {source}", under="") if source else found


def _named(name: str) -> Metric | None:
    """Return the metric of a name that only a recipe's data gives it."""
    named = (family.named(name) for family in FAMILIES if family.named is not None)
    return next((found for found in named if found is not None), None)


def of_source(name: str, source: str) -> str:
    """Return what a metric is called where it is that of one source of data."""
    return f"{name}{_OF}{source}"


def place(name: str) -> int:
    """Return where in the order of the table a metric stands; what is not in it comes last."""
    known = name.partition(_OF)[0]
    return list(METRICS).index(known) if known in METRICS else len(METRICS)
