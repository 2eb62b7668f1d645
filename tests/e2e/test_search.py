"""A search on the real embedded model: trials in the store with recipes that make the same student, their
frontier in the report."""

import json
from pathlib import Path

import pytest

from factory.store.reader import ask
from tests.support.small_run import Finished, factory

pytestmark = pytest.mark.slow


def test_trials_are_kept_drawn_and_reproduced(own_run: Finished, tmp_path: Path) -> None:
    recipe, workspace = tmp_path / "search.yaml", own_run.workspace
    wanted = "search: {trials: 2, quantize: [none, w8a8-dynamic], mlp: [0, 0.25], max_bytes: 250000000}\n"
    recipe.write_text(own_run.recipe.read_text() + wanted)
    done = factory("search", recipe, "-w", workspace)
    assert done.returncode == 0, done.stderr
    rows = ask(
        workspace / "factory.duckdb",
        "SELECT number, choice, artifact_id, failure FROM trials ORDER BY number",
    ).rows
    assert [row[0] for row in rows] == [1, 2]
    assert all(row[3] is None for row in rows)
    assert len({row[1] for row in rows}) == len({row[2] for row in rows}) == 2
    report = json.loads((workspace / "reports" / "report.json").read_text())
    assert [trial["number"] for trial in report["trials"]] == [1, 2]
    assert {trial["fits"] for trial in report["trials"]} == {
        trial["weight_bytes"] <= 250_000_000 for trial in report["trials"]
    }
    page = (workspace / "reports" / "report.html").read_text()
    assert "Accuracy against bytes" in page and "Accuracy against latency" in page

    again = factory("search", recipe, "-w", workspace)
    assert again.returncode == 0 and "nothing to do: every trial" in again.stderr
    one = workspace / report["trials"][1]["recipe"]
    same = factory("run", one, "-w", workspace, "--until", "evaluate")
    assert same.returncode == 0 and "nothing to do" in same.stderr
