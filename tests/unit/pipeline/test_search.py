"""A search that is cut: what fails is entered and tried again, what is no trial's fault ends it; and where
its files lie."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.context.plan import Plan
from factory.errors import FactoryError
from factory.pipeline import search as searching
from factory.pipeline.child import ChildFailed
from factory.pipeline.entry import enter_run
from factory.search.trials import search_id
from tests.support.sample_rows import open_store
from tests.support.scripted import edit, load, own_tool, write

SEARCH = (
    "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
    "search: {trials: 3, quantize: [none, w8a8-dynamic]}\n"
)


@pytest.fixture
def context(tmp_path: Path) -> Plan:
    path = own_tool(tmp_path)
    path.write_text(path.read_text() + SEARCH)
    return load(tmp_path)


def _instead(monkeypatch: pytest.MonkeyPatch, error: FactoryError | None) -> list[dict[str, Any]]:
    """Let `run` enter the run, keep its recipe, and end as a trial that goes wrong would; the data are
    made."""
    ran: list[dict[str, Any]] = []

    def run(trial: Plan, stages: tuple[str, ...], command: str) -> bool:
        with trial.run.workspace.lock(), open_store(trial.run.workspace) as store:
            enter_run(trial, store, command)
        if stages != searching.DATA:
            ran.append(yaml.safe_load(trial.run.loaded.text))
            if error is not None:
                raise error
        return True

    monkeypatch.setattr(searching, "run", run)
    return ran


def _trials(context: Plan) -> list[dict[str, Any]]:
    with open_store(context.run.workspace) as store:
        return store.query("SELECT number, choice, failure, recipe_text FROM trials ORDER BY number")


def test_what_failed_is_tried_again_under_a_new_number(
    context: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = _instead(
        monkeypatch, ChildFailed(1, "the stage compress was ended by SIGKILL", "Run the same command again.")
    )
    assert searching.search(context, "search") == 2
    assert [row["failure"].splitlines()[0] for row in _trials(context)] == [
        "the stage compress was ended by SIGKILL"
    ] * 2
    assert [yaml.safe_load(row["recipe_text"]) for row in _trials(context)] == ran
    assert searching.search(context, "search") == 2
    assert [row["number"] for row in _trials(context)] == [1, 2, 3, 4]


def test_what_is_no_trials_fault_ends_the_search(context: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    _instead(monkeypatch, FactoryError("1.0 GB are free on its disk, 2 GB are needed"))
    with pytest.raises(FactoryError, match="2 GB are needed"):
        searching.search(context, "search")
    assert _trials(context) == []


def test_files_beside_the_recipe_are_found_from_the_trials(
    context: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = _instead(monkeypatch, ChildFailed(1))
    searching.search(context, "search")
    for recipe in ran:
        assert recipe["data"]["seeds"] == str(tmp_path / "seeds.jsonl")
        assert recipe["data"]["custom_tools"]["python"] == str(tmp_path / "own.py")
        assert recipe["evaluate"]["held_out"] == str(tmp_path / "held_out.jsonl")
        assert recipe["student"]["base"] == "smollm2-135m-instruct" and recipe["teacher"]["model"] == "tiny"
    assert sorted(path.name for path in (tmp_path / "work" / "search").glob("*/*.yaml")) == [
        "trial-001.yaml",
        "trial-002.yaml",
    ]


def test_a_search_is_what_decides_its_figures(context: Plan, tmp_path: Path) -> None:
    path, before = tmp_path / "recipe.yaml", search_id(context)
    edit(path, "search: {trials: 3,", "search: {trials: 5, max_bytes: 100000,")
    assert search_id(load(tmp_path)) == before
    path.write_text(path.read_text() + "compress: {max_accuracy_drop: 0.5, prune: {mlp: 0.25}}\n")
    pruned = search_id(load(tmp_path))
    edit(path, "max_accuracy_drop: 0.5", "max_accuracy_drop: 0.1, recover: {steps: 5}")
    assert before != pruned == search_id(load(tmp_path))
    write(tmp_path / "held_out.jsonl", [{"id": "h1", "question": "Double 77, please.", "reference": "77"}])
    assert search_id(load(tmp_path)) != pruned
