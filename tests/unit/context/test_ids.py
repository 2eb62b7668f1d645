"""The ids of what is made stay, or an old workspace would make it again: commit b735bd1 wrote
`tests/golden/ids.json`, and nobody writes it again."""

import dataclasses
import io
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from factory.context.lineage import Lineage, Planned
from factory.context.plan import Plan
from factory.context.run import Run
from factory.evaluate.candidate import candidates
from factory.inference.request import Answer
from factory.recipe.load import load_recipe
from factory.search.trials import search_id
from factory.system.progress import Progress
from factory.tasks.rationale.kind import Rationale
from factory.tasks.sample import Sample, Task, identified
from factory.workspace import Workspace
from tests.support.recipes import RECIPES, SAMPLES, TEXTS, write_project
from tests.support.sample_ids import SampleIds

FROZEN = json.loads((Path(__file__).parents[2] / "golden" / "ids.json").read_text())


class Pool:
    """Nothing is accepted yet."""

    judged = 0

    def accepted(self, before: int) -> list[Sample]:
        return []


@pytest.fixture
def first_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of rationales as the frozen file knows them: read and compared for the first time."""
    monkeypatch.setattr(Rationale, "reading", {})


def test_every_recipe_has_frozen_ids() -> None:
    assert list(FROZEN) == list(RECIPES)


@pytest.mark.usefixtures("first_reading")
@pytest.mark.parametrize("name", RECIPES)
def test_the_ids_of_what_is_made_stay(name: str, tmp_path: Path) -> None:
    path = write_project(tmp_path, name)
    plan = Plan(Run(load_recipe(path), Workspace(tmp_path / "work"), Progress(io.StringIO())))
    assert _plan(plan) | _made(plan) == FROZEN[name]


@pytest.mark.parametrize("name", ["calculator", "draws", "rationale", "rationale-student"])
def test_another_reading_is_another_plan_of_the_same_requests_and_models(name: str, tmp_path: Path) -> None:
    path = write_project(tmp_path, name)
    plan = Plan(Run(load_recipe(path), Workspace(tmp_path / "work"), Progress(io.StringIO())))
    found, frozen = _plan(plan) | _made(plan), FROZEN[name]
    read_again = {"plan", "target", "checks", "search"} if plan.kind.name == "rationale" else set()
    assert {key for key in found if found[key] != frozen[key]} == read_again & set(found)


def _plan(plan: Plan) -> dict[str, Any]:
    tasks = itertools.islice(plan.taskset.tasks(Pool()), 3)
    found = {
        "plan": plan.plan_id,
        "target": plan.target_id,
        "checks": plan.suite().keys,
        "asked": [_asked(plan, task, place) for place, task in enumerate(tasks) if task is not None],
    }
    if plan.run.loaded.recipe.search:
        found["search"] = search_id(plan)
    if plan.custom_tools:
        plan.custom_tools.close()
    return found


def _asked(plan: Plan, task: Task, place: int) -> list[Any]:
    """Return a task's id, the keys of its requests and the id of its sample, with the fixed answers."""
    draw, keys = place % plan.run.loaded.recipe.data.samples_per_prompt, list[str]()
    episode = plan.episode(task, draw)
    ask = next(episode)
    for text in TEXTS:
        keys.append(plan.request(ask, draw).key)
        try:
            ask = episode.send(Answer(keys[-1], text, "stop", 9, 9, 0.1))
        except StopIteration as end:
            return [task.task_id, keys, identified(end.value, keys).sample_id]
    return [task.task_id, keys, None]


def _made(plan: Plan) -> dict[str, Any]:
    recipe = plan.run.loaded.recipe
    if recipe.student is None:
        return {}
    lineage = Lineage(plan.run, SampleIds(SAMPLES))
    found: dict[str, Any] = {
        "adapters": [_row(adapter) for _, adapter in lineage.adapters],
        "student": _row(lineage.student),
    }
    if lineage.pruned:
        found["pruned"] = _row(lineage.pruned)
    if recipe.compress:
        found["quantized"] = _row(lineage.quantized)
        if recipe.compress.recover:
            found["recovered"] = _row(lineage.recovered)
    if recipe.evaluate:
        measured = candidates(plan, lineage)
        if "recovered" in found:
            # It is a candidate once it is made.
            made = found["recovered"][0]
            measured.append(dataclasses.replace(measured[-1], role="student_recovered", artifact_id=made))
        # The frozen file knows the last role by its first name.
        found["evaluations"] = {
            one.role.replace("recovered", "repaired"): one.evaluation_id(plan) for one in measured
        }
    return found


def _row(planned: Planned) -> list[Any]:
    return [planned.artifact_id, planned.kind, planned.name, planned.parents]
