"""A student in stages, from a tutor that has learnt the task: hidden states, reasoning, distributions. It is
killed in its middle, refused by figures, and ships only if it has earned it."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from factory.context.lineage import Lineage  # noqa: E402
from factory.errors import FactoryError  # noqa: E402
from factory.models.artifact import verify  # noqa: E402
from factory.student import training_stage, tutor  # noqa: E402
from factory.student.exact import Exact, exact  # noqa: E402
from factory.student.gate import Trained, choose  # noqa: E402
from factory.student.stage_rows import by_tutor  # noqa: E402
from factory.tasks.rows import IGNORED, TrainingRow  # noqa: E402
from tests.support import staged_training as staged  # noqa: E402
from tests.support import tiny  # noqa: E402
from tests.support.forks import forked  # noqa: E402
from tests.support.scripted import load, opened  # noqa: E402


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged.prepare(tmp_path_factory.mktemp("staged") / "made")


def _run(folder: Path, kill_after: tuple[str, int] | None = None) -> bool:
    """Train, and return whether it came to its end."""
    with forked("tests.support.staged_training", folder) as (child, connection):
        while (received := connection.recv()) != "done":
            if received == kill_after:
                child.kill()
                child.join()
                assert child.exitcode == -signal.SIGKILL
                return False
    return True


def test_a_run_that_is_killed_in_each_stage_is_the_one_that_never_was(prepared: Path) -> None:
    whole, killed = staged.copied(prepared, "whole"), staged.copied(prepared, "killed")
    assert _run(whole)
    for stage in ("tutor", "align", "sft", "distill"):
        assert not _run(killed, (stage, 2))
    assert _run(killed)
    expected, found = staged.curves(whole), staged.curves(killed)
    assert sorted(found) == sorted(expected)
    kinds = {name.rpartition("-")[0] for name in found}
    assert kinds == {"tutor", "adapter-align", "adapter-sft", "adapter-distill", "student"}
    for name, curve in expected.items():
        assert found[name] == pytest.approx(curve, abs=1e-4)
        assert name.startswith("student") or ("exact", 3) in curve
    assert not list((killed / "work" / "checkpoints").iterdir())
    # One decay over nine steps: the rate falls from stage to stage, and the last is the lowest.
    rates = [curve["learning_rate", 3] for name, curve in found.items() if name.startswith("adapter")]
    assert min(rates) < 1e-5 < max(rates)
    plan = load(killed)
    with opened(plan) as store:
        lineage = Lineage(plan.run, store)
        assert lineage.tutor is not None
        (row,) = store.query("SELECT parents, about FROM artifacts WHERE kind = 'merged'")
        about = json.loads(row["about"]) if isinstance(row["about"], str) else row["about"]
        assert about["gate"]["shipped"] == "distill" and about["gate"]["fine_tuned"] == "sft"
        for stage, adapter in lineage.adapters:
            assert (lineage.tutor.artifact_id in adapter.parents) == (stage.name != "sft")
        (made,) = store.query("SELECT name FROM artifacts WHERE kind = 'tutor'")
        learnt = store.query("SELECT DISTINCT role FROM lineage WHERE kind = 'tutor' ORDER BY role")
        assert made["name"] == lineage.tutor.name
        assert [one["role"] for one in learnt] == ["train", "validation"]


def test_a_tutor_teaches_if_it_is_better_and_the_student_ships_if_it_has_earned_it(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = staged.copied(prepared, "judged")
    sft = {"sft": {"steps": 1, "batch_size": 4, "validation": {"share": 0.4, "every": 1}}}
    distill = {"distill": {"steps": 1, "batch_size": 4}}
    bar = {name: value for name, value in staged.TUTOR.items() if name != "least_gain"} | {"steps": 1}
    staged.recipe(folder, [sft, distill], tutor=bar)
    shares = {"sft": 0.50, "distill": 0.45}
    monkeypatch.setattr(tutor, "exact", lambda *_: Exact(0.54, 50))
    monkeypatch.setattr(training_stage, "exact", lambda *_: Exact(shares["sft"], 50))
    with pytest.raises(FactoryError) as caught:
        staged.trained(folder)
    assert caught.value.message == (
        "of the set-aside rows the tutor writes 54.0% of 50 exactly, the student before distill 50.0% of 50: "
        "+4.0 points, and student.tutor.least_gain asks for 5"
    )
    assert "lower least_gain" in caught.value.hint
    (kept,) = (folder / "work" / "models").glob("tutor-*")
    before = (kept / "manifest.json").stat().st_mtime_ns
    staged.recipe(folder, [sft, distill], tutor=bar | {"least_gain": 4.0})
    shares["sft"] = shares["distill"]
    said = staged.trained(folder)
    assert (kept / "manifest.json").stat().st_mtime_ns == before
    assert "distill writes 45.0% of 50 exactly, sft 50.0% of 50: the student after sft ships" in said
    plan = load(folder)
    with opened(plan) as store:
        lineage = Lineage(plan.run, store)
        first, last = (adapter for _, adapter in lineage.adapters)
        (row,) = store.query("SELECT artifact_id, parents FROM artifacts WHERE kind = 'merged'")
        # What was asked for names it, whichever ships.
        assert row["artifact_id"] == lineage.student.artifact_id and row["parents"] == [first.artifact_id]
        about = verify(plan.run.workspace.models / lineage.student.name).about
        assert about["adapter"] == first.artifact_id
        assert about["gate"] == {
            "shipped": "sft", "last": "distill", "exact": 0.45, "fine_tuned": "sft", "fine_tuned_exact": 0.5,
            "rows": 50,
        }  # fmt: skip
        (gate,) = store.query("SELECT artifact_id, baseline_id, passed FROM gates")
        assert gate == {
            "artifact_id": last.artifact_id, "baseline_id": first.artifact_id, "passed": False,
        }  # fmt: skip


def test_the_last_student_ships_if_it_is_at_least_as_right() -> None:
    last, first = (Trained(name, _planned(name), Exact(0.5, 10)) for name in ("distill", "sft"))
    choice = choose(last, first)
    assert choice is not None and choice.passed and choice.shipped is last
    assert choose(last, Trained("sft", _planned("sft"), None)) is None


def _planned(name: str) -> Any:
    from factory.context.lineage import Planned

    return Planned(f"b2:{name}", "adapter", name, [], {})


def test_what_is_written_exactly_is_what_greedy_decoding_would_write() -> None:
    model = tiny.model(3)
    rows = tiny.rows(9, 4)
    greedy = [_greedy(model, row) if place % 3 else row for place, row in enumerate(rows)]
    found = exact(model, greedy, 0)
    right = sum(_is_right(model, row) for row in greedy)
    assert found == Exact(right / 9, 9) and right >= 6
    assert exact(tiny.adapted(3), rows, 0) == Exact(0.0, 9)
    assert exact(model, [], 0) is None and "forward" not in vars(model)


def _greedy(model: Any, row: TrainingRow) -> TrainingRow:
    """Return the row with what the model would write in the place of what is learnt."""
    ids, labels = list(row.input_ids), list(row.labels)
    for at, label in enumerate(labels):
        if label != IGNORED:
            ids[at] = labels[at] = int(tiny.logits(model, ids[:at])[-1].argmax())
    return TrainingRow(row.sample_id, ids, labels)


def _is_right(model: Any, row: TrainingRow) -> bool:
    likeliest = tiny.logits(model, row.input_ids).argmax(1).tolist()
    pairs = zip(likeliest, row.labels[1:], strict=False)
    return all(label in (IGNORED, one) for one, label in pairs)


def test_a_tutor_teaches_every_learnt_token_of_the_row_as_the_student_reads_it() -> None:
    row = TrainingRow("b2:1", [5, 6, 7, 8, 9, 10], [IGNORED, 6, 7, IGNORED, 9, 10])
    spans = by_tutor(row).spans
    assert [(span.start, span.length, span.teacher_ids) for span in spans] == [
        (1, 2, [5, 6, 7]),
        (4, 2, [5, 6, 7, 8, 9, 10]),
    ]
    all_learnt = by_tutor(TrainingRow("b2:1", [5, 6], [5, 6])).spans
    assert [(span.start, span.length) for span in all_learnt] == [(1, 1)]
