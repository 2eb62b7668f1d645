"""A workspace holds the work of one recipe: another one is told so before anything changes."""

from pathlib import Path

import pytest

from factory.generate.stage import generate
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.sample_rows import open_store
from tests.support.scripted import (
    SEEDS,
    Model,
    column,
    count,
    edit,
    load,
    opened,
    project,
    reasoning,
    write,
)

STUDENT = """
student: {base: smollm2-135m-instruct, format: hermes, stages: [{sft: {steps: 2}}]}
compress: {quantize: w8a8-dynamic}
evaluate: {held_out: held_out.jsonl}
search: {trials: 1, rank: [8]}
"""


def finished(folder: Path) -> Path:
    """Make a workspace with samples of a recipe over sums, and return the recipe."""
    folder.mkdir()
    path = project(folder, "rationale", "count: 3", more="checks: [schema, agreement]\n")
    plan = load(folder)
    with opened(plan) as store:
        generate(plan, store, Model(reasoning))
        assert count(store, "training_set") == 3
    return path


def other(folder: Path) -> Path:
    """Write a recipe over other seeds, and return it."""
    folder.mkdir()
    path = project(folder, "tool_call", "count: 3", more=STUDENT)
    rows = [row | {"question": row["question"].replace("What", "How much")} for row in SEEDS["tool_call"]]
    write(folder / "held_out.jsonl", rows)
    edit(path, "name: tiny", "name: other")
    return path


@pytest.mark.parametrize(
    "verb",
    ["run", "run --dry-run", "generate", "check", "distill", "compress", "evaluate", "report", "search"],
)
def test_every_verb_with_a_recipe_leaves_the_workspace_of_another_as_it_is(tmp_path: Path, verb: str) -> None:
    finished(tmp_path / "mine")
    recipe, work = other(tmp_path / "other"), tmp_path / "mine" / "work"
    name, *options = verb.split()
    done = typed(name, recipe, "-w", work, *options)
    assert done.returncode == 2, done.stderr
    assert f"{work} holds the work of another recipe: tiny ran there last" in done.stderr
    assert f"none of the seeds of {recipe} (other)" in done.stderr and "--other-recipe" in done.stderr
    with open_store(Workspace(work)) as store:
        assert column(store, "SELECT recipe_name FROM runs") == ["tiny"]
        assert count(store, "training_set") == 3


def test_it_goes_on_where_that_is_meant(tmp_path: Path) -> None:
    mine = finished(tmp_path / "mine")
    recipe, work = other(tmp_path / "other"), tmp_path / "mine" / "work"
    done = typed("check", recipe, "-w", work, "--other-recipe")
    assert done.returncode == 0, done.stderr
    with open_store(Workspace(work)) as store:
        assert sorted(column(store, "SELECT recipe_name FROM runs")) == ["other", "tiny"]
        assert count(store, "training_set") == 0
    # Both are at home there now.
    assert typed("check", mine, "-w", work).returncode == 0
    with open_store(Workspace(work)) as store:
        assert count(store, "training_set") == 3


def test_an_edited_recipe_is_the_same_one(tmp_path: Path) -> None:
    recipe = finished(tmp_path / "mine")
    edit(recipe, "name: tiny", "name: renamed")
    edit(recipe, "count: 3", "count: 9")
    kept = SEEDS["rationale"][0] | {"language": "de", "reference": "29"}
    added = [SEEDS["rationale"][1] | {"id": "new", "question": "A shop has 3 figs and buys 4. How many?"}]
    write(tmp_path / "mine" / "seeds.jsonl", [kept, *added])
    done = typed("check", recipe, "-w", tmp_path / "mine" / "work")
    assert done.returncode == 0, done.stderr
