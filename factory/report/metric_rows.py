"""Rows of metrics for the report, in the order of the table of metrics.

Promise: the interval of a share is Wilson's, computed here from value and n, so that figures of an older
factory, whose bootstrap gave none or all an interval of width zero, are read like today's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from factory.evaluate.interval import wilson
from factory.evaluate.metrics.table import METRICS, metric, place
from factory.report.measured import MetricRow


def metric_rows(stored: Sequence[Mapping[str, Any]]) -> list[MetricRow]:
    """Return stored figures (metric, value, low, high, n, and unit and better where they are known) as rows;
    what is not in the table of metrics comes last, by name."""
    return [_row(one) for one in sorted(stored, key=lambda one: (place(one["metric"]), one["metric"]))]


def _row(stored: Mapping[str, Any]) -> MetricRow:
    known = metric(stored["metric"])
    listed = place(known.name) < len(METRICS)
    unit = known.unit if listed else stored.get("unit") or ""
    value, low, high, n = (stored[column] for column in ("value", "low", "high", "n"))
    if unit == "share" and n:
        low, high = wilson(round(2 * value * n) / 2, n)  # a tie is a half
    return MetricRow(
        name=known.name,
        label=known.label,
        value=value,
        low=low,
        high=high,
        unit=unit,
        n=n,
        better=known.better if listed else stored.get("better") or "higher",
        under=known.under,
        note=known.note,
    )
