"""Reports of earlier factories, as an earlier run of the workspace has them, can still be compared with."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.report.compare import compare, find_report
from tests.support.report_sample import report

# A model in a report.json of commit b735bd1.
STUDENT: dict[str, Any] = {
    "name": "student-2f9c",
    "role": "student",
    "accuracy": 0.0,
    "accuracy_low": 0.0,
    "accuracy_high": 0.0,
    "tool_call_accuracy": None,
    "tool_call_accuracy_low": None,
    "tool_call_accuracy_high": None,
    "parse_rate": 0.5,
    "held_out": 120,
    "tokens_per_s_batch_1": 44.0,
    "tokens_per_s_batch_32": 402.0,
    "latency_p50_s": 0.7,
    "latency_p95_s": 0.8,
    "perplexity": 1.25,
    "peak_memory_bytes": 1420000000,
    "weight_bytes": 269060552,
    "precision": "bfloat16",
    "prompting": "the bare question",
    "tokens_per_s": 402.0,
}


def _written(folder: Path, models: Any) -> Path:
    path = folder / "report.json"
    path.write_text(json.dumps(json.loads(report().model_dump_json()) | {"models": models}))
    return path


def test_its_fields_are_read_as_rows(tmp_path: Path) -> None:
    (student,) = find_report(str(_written(tmp_path, [STUDENT])), tmp_path).models
    assert [(row.name, row.value, row.n) for row in student.metrics] == [
        ("answer_accuracy", 0.0, 120),
        ("parse_rate", 0.5, 120),
        ("latency_p50_s", 0.7, 1),
        ("latency_p95_s", 0.8, 1),
        ("tokens_per_s_batch_32", 402.0, 1),
        ("tokens_per_s_batch_1", 44.0, 1),
        ("peak_memory_bytes", 1420000000, 1),
        ("weight_bytes", 269060552, 1),
        ("perplexity", 1.25, 1),
    ]
    assert student.main is not None and student.main.high == pytest.approx(0.031, abs=1e-4)
    assert (student.precision, student.prompting) == ("bfloat16", "the bare question")


def test_it_can_be_compared_with(tmp_path: Path) -> None:
    found = compare(report(), find_report(str(_written(tmp_path, [STUDENT])), tmp_path))
    assert [(pair.role, pair.before.value("answer_accuracy")) for pair in found.pairs] == [("student", 0.0)]


@pytest.mark.parametrize("models", [7, ["student"], [{"held_out": 1}, 7], [STUDENT | {"accuracy": "all"}]])
def test_what_is_no_report_is_refused(tmp_path: Path, models: Any) -> None:
    path = _written(tmp_path, models)
    with pytest.raises(InputError, match="is no report of this factory"):
        find_report(str(path), tmp_path)
