"""The data of a report and its two files."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from factory.errors import FactoryError
from factory.evaluate.metrics.table import METRICS
from factory.report import Report, render_page, write_report
from factory.report.choice import Gate
from factory.report.measured import Measured, MetricRow
from factory.report.metric_rows import metric_rows
from factory.report.run import Loss
from factory.report.yields import Yield
from tests.support.report_sample import measured, models, report


def test_a_report_survives_its_own_json() -> None:
    assert Report.model_validate_json(report().model_dump_json(indent=2)) == report()


def test_every_model_has_a_row_for_each_metric_that_says_what_it_is() -> None:
    data = json.loads(report().model_dump_json())
    for model in data["models"]:
        names = [row["name"] for row in model["metrics"]]
        assert names == [name for name in METRICS if name in names] and len(names) == 11
    (weights,) = [row for row in data["models"][0]["metrics"] if row["name"] == "weight_bytes"]
    assert weights == {
        "name": "weight_bytes",
        "label": "Weights",
        "value": 269060552,
        "low": None,
        "high": None,
        "unit": "bytes",
        "n": 120,
        "better": "lower",
        "under": "",
        "note": "",
    }
    assert data["yield"]["share"] == pytest.approx(743 / 1200)
    assert data["retention"] == pytest.approx(104 / 73)
    assert data["created"] == "2025-11-24T03:12:40Z"


def test_a_report_in_earlier_words_is_read() -> None:
    gate = {"role": "student_repaired", "lost": 0.1, "most_lost": 0.2, "passed": True}
    data = json.loads(report().model_dump_json()) | {"gates": [gate]}
    data["models"][-1]["role"] = "student_repaired"
    read = Report.model_validate(data)
    assert read.models[-1].role == "student_recovered"
    assert read.gates == [
        Gate(role="student_recovered", accuracy_drop=0.1, max_accuracy_drop=0.2, passed=True)
    ]
    assert "lost" not in json.loads(read.model_dump_json())["gates"][0]


def test_derived_numbers_in_a_file_are_computed_again() -> None:
    data = json.loads(report().model_dump_json())
    data["retention"], data["yield"]["share"] = 9.0, 0.1
    assert Report.model_validate(data) == report()


def test_retention_is_of_the_last_student_and_absent_without_both_sides() -> None:
    teacher, base, student, _ = models()
    assert report(models=[teacher, base, student]).retention == pytest.approx(106 / 73)
    assert report(models=[teacher, base]).retention is None
    assert report(models=[student]).retention is None
    assert report(models=[measured("teacher", 0, 0, 400.0), student]).retention is None
    assert Yield().share is None


@pytest.mark.parametrize(
    "values",
    [
        {"value": 1.1},
        {"value": float("nan")},
        {"value": 0.5, "low": 0.6, "high": 0.4},
        {"value": 0.5, "low": 0.4},
        {"value": 1.1, "unit": "s", "n": -1},
        {"value": 0.5, "vlaue": 0.5},
    ],
)
def test_impossible_measurements_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        MetricRow.model_validate({"name": "m", "label": "M", "unit": "share", "n": 10, **values})


def test_a_model_has_a_metric_once() -> None:
    row = MetricRow(name="m", label="M", value=1, n=1)
    with pytest.raises(ValidationError, match="twice"):
        Measured(name="model", role="student", metrics=[row, row])


def test_no_share_has_an_interval_of_width_zero_whatever_an_older_store_says() -> None:
    (row,) = metric_rows([{"metric": "answer_accuracy", "value": 0.0, "low": 0.0, "high": 0.0, "n": 272}])
    assert row.low == 0.0 and row.high == pytest.approx(0.0139, abs=1e-4)


def test_a_metric_that_is_not_in_the_table_has_what_the_store_says_of_it() -> None:
    stored = {"metric": "joules_per_task", "value": 3.25, "low": None, "high": None, "n": 9}
    first, last = metric_rows(
        [stored | {"unit": "J", "better": "lower"}, stored | {"metric": "weight_bytes", "unit": None}]
    )
    assert (first.name, first.unit) == ("weight_bytes", "bytes"), "what is in the table comes first"
    assert (last.label, last.unit, last.better) == ("joules per task", "J", "lower")
    assert "joules per task" in (
        page := render_page(report(models=[Measured(name="m", role="student", metrics=[last])]))
    )
    assert "3.25\xa0J" in page


def test_a_loss_that_is_not_finite_becomes_a_gap() -> None:
    assert Loss(stage="sft", step=3, value=float("-inf")).value is None


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        report(created=datetime(2025, 1, 1))
    moved = report(created=datetime(2025, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert json.loads(moved.model_dump_json())["created"] == "2025-01-01T00:00:00Z"


def test_both_files_are_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    page, data = write_report(report(), tmp_path / "reports")
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "report.json"]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert Report.model_validate_json(data.read_text(encoding="utf-8")) == report()
    write_report(report(name="again"), tmp_path / "reports")
    assert "again" in page.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FactoryError, match="cannot be written"):
        write_report(report(), tmp_path / "file")
