"""The benchmark of jobs: one table and one JSON line of what the stores hold, whatever becomes of a job."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import jobs as bench
from bench.jobs import JobFailed, run_jobs, show
from factory.recipe.load import load_recipe
from tests.support.recipes import write_model
from tests.support.sample_rows import finished, make_workspace

FIELDS = [
    "name", "metric", "teacher", "base", "student", "student_compressed", "student_low", "student_high",
    "seconds",
]  # fmt: skip


def measured(workspace: Path, metric: str, values: dict[str, float], batch: str = "") -> None:
    """Put figures into a workspace, as an evaluation does."""
    rows: dict[str, Any] = {name: [] for name in finished()} | {"runs": finished()["runs"]}
    rows["evaluations"] = [
        {
            "evaluation_id": f"b2:{role}{batch}", "artifact_id": f"b2:{role}", "role": role, "metric": metric,
            "value": value, "low": value - 0.1, "high": value + 0.1, "n": 10, "unit": "share",
            "better": "higher",
        }
        for role, value in values.items()
    ]  # fmt: skip
    make_workspace(workspace, rows)


VALUES = {"teacher": 0.4, "base": 0.1, "student": 0.5, "student_quantized": 0.45}


def run(recipe: Path, workspace: Path) -> None:
    name = load_recipe(recipe).recipe.name
    if name == "tools":
        raise JobFailed("exit code 1: it is full")
    metric, values = ("preferred", {"student": 0.3}) if name == "instruction" else ("answer_accuracy", VALUES)
    measured(workspace, metric, values)


def test_each_job_is_a_row_and_a_failed_one_has_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = run_jobs(tmp_path, ("labels", "instruction", "tools"), run=run)
    show(rows)
    printed = capsys.readouterr().out.splitlines()
    labels, instruction, tools = json.loads(printed[-1])["jobs"]
    assert list(labels) == FIELDS
    assert {name: labels[name] for name in FIELDS[:-1]} == {
        "name": "labels", "metric": "answer_accuracy", "teacher": 0.4, "base": 0.1, "student": 0.5,
        "student_compressed": 0.45, "student_low": 0.4, "student_high": 0.6,
    }  # fmt: skip
    assert (instruction["metric"], instruction["student"], instruction["teacher"]) == ("preferred", 0.3, None)
    assert tools["reason"] == "exit code 1: it is full"
    assert tools["student"] is None
    assert any(line.startswith("tools") and "it is full" in line for line in printed)


def test_a_run_that_measures_no_student_has_failed(tmp_path: Path) -> None:
    def half(recipe: Path, workspace: Path) -> None:
        measured(workspace, "answer_accuracy", {"teacher": 0.4})

    (job,) = run_jobs(tmp_path, ("labels",), run=half)
    assert "no student was measured" in job["reason"]


def test_models_take_the_place_of_the_recipes_own_and_files_are_found(tmp_path: Path) -> None:
    seen = {}

    def look(recipe: Path, workspace: Path) -> None:
        seen[recipe.stem] = load_recipe(recipe).recipe
        measured(workspace, "answer_accuracy", VALUES)

    for folder in ("big", "small"):
        write_model(tmp_path / folder, folder)
    big, small = str(tmp_path / "big"), str(tmp_path / "small")
    names = [name for name in bench.JOBS if (bench.ROOT / "pipelines" / f"{name}.yaml").is_file()]
    rows = run_jobs(tmp_path / "kept", bench.JOBS, big, small, look)
    assert [row["name"] for row in rows] == names == list(seen)
    assert {(one.teacher.model, one.student.base) for one in seen.values() if one.student} == {(big, small)}
    assert (tmp_path / "kept" / "labels" / "factory.duckdb").is_file()


def test_a_kept_workspace_counts_the_seconds_of_all_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 30.0, 100.0, 112.0])
    monkeypatch.setattr(bench.time, "monotonic", lambda: next(clock))

    def resumed(recipe: Path, workspace: Path) -> None:
        if not (workspace / "factory.duckdb").exists():
            measured(workspace, "answer_accuracy", VALUES)

    assert [run_jobs(tmp_path, ("labels",), run=resumed)[0]["seconds"] for _ in range(2)] == [30.0, 42.0]


@pytest.mark.parametrize(("reason", "code"), [(None, 0), ("it is full", 1)])
def test_the_exit_code_says_whether_all_went_well(
    reason: str | None, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"name": "labels", "seconds": 1.0} | dict.fromkeys(FIELDS[2:-1], 0.5) | {"metric": "preferred"}
    made = row | ({"reason": reason} if reason else {})
    monkeypatch.setattr(bench, "run_jobs", lambda *_: [made])
    monkeypatch.setattr("sys.argv", ["jobs", "--only", "labels"])
    with pytest.raises(SystemExit) as end:
        bench.main()
    assert end.value.code == code
    assert capsys.readouterr().out.splitlines()[-1].startswith('{"jobs": [{"name": "labels"')
