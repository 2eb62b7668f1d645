"""A `report.json` of an earlier factory, in which a model had a fixed set of fields, as today's."""

from typing import Any

from factory.evaluate.metrics.table import METRICS
from factory.report.metric_rows import metric_rows

_FIELDS = {"accuracy": "answer_accuracy"} | {name: name for name in METRICS}


def upgraded(report: Any) -> Any:
    """Return a parsed `report.json` with a row for each metric; of an earlier one, its own comparison with
    another run is left out."""
    models = report.get("models") if isinstance(report, dict) else None
    if not isinstance(models, list) or not all(isinstance(one, dict) and "held_out" in one for one in models):
        return report
    return report | {"models": [_model(one) for one in models], "comparison": None}


def _model(fields: dict[str, Any]) -> dict[str, Any]:
    stored = [
        {"metric": metric, "value": fields[field], "low": None, "high": None, "n": fields["held_out"]}
        for field, metric in _FIELDS.items()
        if fields.get(field) is not None
    ]
    # Earlier reports lack the number of repetitions behind a speed.
    rows = [row if row.unit == "share" else row.model_copy(update={"n": 1}) for row in metric_rows(stored)]
    kept = {name: fields[name] for name in ("name", "role", "precision", "prompting") if name in fields}
    return kept | {"metrics": [row.model_dump() for row in rows]}
