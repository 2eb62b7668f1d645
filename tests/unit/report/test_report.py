"""The data of a report and its two files."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from factory.errors import FactoryError
from factory.report import Report, write_report
from factory.report.model import Gate, Loss, Measured, Yield
from tests.support.report_sample import measured, models, report


def test_a_report_survives_its_own_json() -> None:
    assert Report.model_validate_json(report().model_dump_json(indent=2)) == report()


def test_the_fixed_keys_are_there() -> None:
    data = json.loads(report().model_dump_json())
    keys = {
        "name",
        "role",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "parse_rate",
        "tokens_per_s",
        "peak_memory_bytes",
        "weight_bytes",
    }
    keys |= {
        "tool_call_accuracy",
        "tool_call_accuracy_low",
        "tool_call_accuracy_high",
        "tokens_per_s_batch_1",
        "tokens_per_s_batch_32",
    }
    assert all(keys | {"held_out", "prompting"} <= model.keys() for model in data["models"])
    assert data["models"][0]["tokens_per_s"] == data["models"][0]["tokens_per_s_batch_32"]
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
        {"accuracy": 1.1},
        {"accuracy": float("nan")},
        {"accuracy": 0.5, "accuracy_low": 0.6, "accuracy_high": 0.4},
        {"accuracy": 0.5, "accuracy_low": 0.4},
        {"tokens_per_s_batch_32": 0.0},
        {"accurracy": 0.5},
    ],
)
def test_impossible_measurements_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Measured.model_validate({"name": "m", "role": "student", "held_out": 10, **values})


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
