"""The ids of what is made stay, or an old workspace would make it again: commit b735bd1 wrote
`tests/golden/ids.json`, and nobody writes it again."""

import dataclasses
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from factory.context.context import Context
from factory.context.lineage import (
    Planned,
    plan_adapters,
    plan_pruned,
    plan_quantized,
    plan_repaired,
    plan_student,
)
from factory.evaluate.candidate import candidates
from factory.inference.request import Answer
from factory.recipe.load import load_recipe
from factory.search.trials import search_id
from factory.store.store import Store
from factory.system.progress import Progress
from factory.tasks.sample import Sample, Task, identified
from factory.workspace import Workspace
from tests.support.recipes import RECIPES, SAMPLES, TEXTS, write_project

FROZEN = json.loads((Path(__file__).parents[2] / "golden" / "ids.json").read_text())


class Pool:
    """Nothing is accepted yet."""

    judged = 0

    def accepted(self, before: int) -> list[Sample]:
        return []


class Samples(Store):
    """A store that holds the ids of accepted samples and nothing else."""

    def __init__(self) -> None:
        pass

    def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        return [{"sample_id": sample} for sample in SAMPLES] if "training_set" in sql else []


def test_every_recipe_has_frozen_ids() -> None:
    assert list(FROZEN) == list(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_the_ids_of_what_is_made_stay(name: str, tmp_path: Path) -> None:
    path = write_project(tmp_path, name)
    context = Context(load_recipe(path), Workspace(tmp_path / "work"), Progress(io.StringIO()))
    assert _plan(context) | _made(context) == FROZEN[name]


def _plan(context: Context) -> dict[str, Any]:
    tasks = itertools.islice(context.taskset.tasks(Pool()), 3)
    found = {
        "plan": context.plan_id,
        "target": context.target_id,
        "checks": context.suite().keys,
        "asked": [_asked(context, task, place) for place, task in enumerate(tasks) if task is not None],
    }
    if context.loaded.recipe.search:
        found["search"] = search_id(context)
    if context.own_tools:
        context.own_tools.close()
    return found


def _asked(context: Context, task: Task, place: int) -> list[Any]:
    """Return a task's id, the keys of its requests and the id of its sample, with the fixed answers."""
    draw, keys = place % context.loaded.recipe.data.draws, list[str]()
    episode = context.episode(task, draw)
    ask = next(episode)
    for text in TEXTS:
        keys.append(context.request(ask, draw).key)
        try:
            ask = episode.send(Answer(keys[-1], text, "stop", 9, 9, 0.1))
        except StopIteration as end:
            return [task.task_id, keys, identified(end.value, keys).sample_id]
    return [task.task_id, keys, None]


def _made(context: Context) -> dict[str, Any]:
    recipe = context.loaded.recipe
    if recipe.student is None:
        return {}
    found: dict[str, Any] = {
        "adapters": [_row(adapter) for _, adapter in plan_adapters(context, SAMPLES)],
        "student": _row(plan_student(context, SAMPLES)),
    }
    if pruned := plan_pruned(context, SAMPLES):
        found["pruned"] = _row(pruned)
    if recipe.compress:
        found["quantized"] = _row(plan_quantized(context, SAMPLES))
        if recipe.compress.repair:
            found["recovered"] = _row(plan_repaired(context, SAMPLES))
    if recipe.evaluate:
        measured = candidates(context, Samples())
        if "recovered" in found:
            # It is a candidate once it is made.
            made = found["recovered"][0]
            measured.append(dataclasses.replace(measured[-1], role="student_repaired", artifact_id=made))
        found["evaluations"] = {one.role: one.evaluation_id(context) for one in measured}
    return found


def _row(planned: Planned) -> list[Any]:
    return [planned.artifact_id, planned.kind, planned.name, planned.parents]
