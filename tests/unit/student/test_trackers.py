"""Trackers are named in a recipe, are in no id, and one that is not installed is a sentence before a model
loads."""

import json
from pathlib import Path

import pytest

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import FactoryError, InputError
from factory.evaluate.recover_stage import RecoverStage
from factory.recipe.load import load_recipe
from factory.search.trials import search_id
from factory.student import trackers
from factory.student.stage import TrainStage
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.recipes import SAMPLES, write_project
from tests.support.sample_ids import SampleIds

NAMES = ["trackio", "wandb", "mlflow", "tensorboard"]


def plan(folder: Path, track: str, name: str = "calculator") -> Plan:
    """Return the plan of a recipe whose student has this `track`, as JSON."""
    path = write_project(folder, name)
    recipe = json.loads(path.read_text(encoding="utf-8"))
    recipe["student"]["track"] = json.loads(track)
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return Plan(Run(load_recipe(path), Workspace(folder / "work"), Progress()))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages that are there, as the test says."""
    there: set[str] = set()
    monkeypatch.setattr(trackers, "is_installed", there.__contains__)
    return there


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stage", [TrainStage, RecoverStage])
def test_a_tracker_that_is_not_installed_is_said_before_a_model_loads(
    tmp_path: Path, installed: set[str], name: str, stage: type[TrainStage | RecoverStage]
) -> None:
    asked = plan(tmp_path, json.dumps([name]))
    with pytest.raises(FactoryError, match=rf"recipe.yaml: student.track: {name} needs the package {name}"):
        stage().preflight(asked)
    installed.add(name)
    trackers.require_trackers(asked.run)


def test_tensorboard_may_be_the_one_without_tensorflow(tmp_path: Path, installed: set[str]) -> None:
    installed.add("tensorboardX")
    trackers.require_trackers(plan(tmp_path, '["tensorboard"]').run)


def test_validate_names_every_one_that_is_missing_here(tmp_path: Path, installed: set[str]) -> None:
    installed.add("mlflow")
    path = plan(tmp_path, json.dumps(NAMES)).run.loaded.path
    done = typed("validate", path)
    assert done.returncode == 0, done.stderr
    missing = [line for line in done.stdout.splitlines() if "student.track" in line]
    assert [line.split()[3] for line in missing] == ["trackio", "wandb", "tensorboard"]
    assert "pip install wandb, or remove it from student.track" in missing[1]


def test_what_is_made_is_the_same_whoever_watches(tmp_path: Path) -> None:
    ids = []
    for place, track in enumerate(["[]", '["wandb"]', '["tensorboard", "trackio"]']):
        folder = tmp_path / str(place)
        folder.mkdir()
        made = plan(folder, track)
        lineage = Lineage(made.run, SampleIds(SAMPLES))
        ids.append([lineage.student, [one for _, one in lineage.adapters], made.plans[0].plan_id])
    assert ids[0] == ids[1] == ids[2]


def test_a_search_goes_on_when_it_is_watched(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    before = plan(tmp_path / "a", "[]", "search")
    after = plan(tmp_path / "b", '["wandb"]', "search")
    assert search_id(before) == search_id(after)
    assert after.run.student.model_dump(exclude_unset=True)["track"] == ("wandb",)


@pytest.mark.parametrize("track", ['["comet_ml"]', '"wandb"', '["all"]', '["none"]'])
def test_other_names_are_refused_with_their_line(tmp_path: Path, track: str) -> None:
    with pytest.raises(InputError, match=r"student\.track"):
        plan(tmp_path, track)
