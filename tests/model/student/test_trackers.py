"""A training is shown to the trackers that its recipe names, under the id of what it makes, and nothing
leaves the machine; the packages are stand-ins that write down what they are told."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch")

from factory.context.lineage import Lineage
from factory.context.run import Run
from factory.recipe import load_recipe
from factory.student.stage_plan import stage_plans
from factory.student.training_stage import train_stage
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support import tiny
from tests.support.sample_ids import SampleIds

ROOT = Path(__file__).parents[3]
TRACKIO = """
import json, os
from pathlib import Path
__version__ = "1.0"
config = {}
class _Unset:
    def get(self): return None
class context_vars:
    current_space_id = current_run = current_project = _Unset()
def _write(what, **said):
    folder = Path(os.environ["TRACKIO_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "told.jsonl").open("a") as file:
        file.write(json.dumps({"what": what} | said, default=str) + "\\n")
def init(**said): _write("init", **said)
def log(figures): _write("log", **figures)
def finish(): _write("finish")
"""
TENSORBOARD = """
import json
from pathlib import Path
class SummaryWriter:
    def __init__(self, log_dir):
        self.folder = Path(log_dir)
        self.folder.mkdir(parents=True)
    def add_text(self, *said): pass
    def add_scalar(self, name, value, step):
        with (self.folder / "told.jsonl").open("a") as file:
            file.write(json.dumps([name, value, step]) + "\\n")
    def flush(self): pass
    close = flush
"""
VARIABLES = (
    "TRACKIO_DIR", "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT", "MLFLOW_TRACKING_URI",
    "MLFLOW_EXPERIMENT_NAME", "TENSORBOARD_LOGGING_DIR",
)  # fmt: skip


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that trains two stages and returns their ids, with stand-ins on the path."""
    for name, source in (("trackio", TRACKIO), ("tensorboardX", TENSORBOARD)):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    for variable in VARIABLES:
        # Set and unset, so that what the run sets is gone after the test.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)

    def train(track: list[str]) -> list[str]:
        tiny.tokenizer().save_pretrained(tmp_path / "base")
        tiny.model(1).save_pretrained(tmp_path / "base")
        recipe = yaml.safe_load((ROOT / "pipelines" / "calculator.yaml").read_text())
        recipe["teacher"] = {"model": "big", "endpoints": ["http://127.0.0.1:9/v1"]}
        recipe["student"] = {
            "base": str(tmp_path / "base"),
            "format": "hermes",
            "precision": "float32",
            "track": track,
            "adapter": {"rank": 4, "alpha": 8},
            "stages": [
                {"sft": {"steps": 2, "batch_size": 3}},
                {"distill": {"steps": 1, "batch_size": 3, "teacher": "stored", "top_k": 3}},
            ],
        }
        for key in ("seeds", "tools"):
            recipe["data"][key] = str(ROOT / recipe["data"][key])
        recipe["evaluate"]["held_out"] = str(ROOT / recipe["evaluate"]["held_out"])
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        run = Run(load_recipe(tmp_path / "recipe.yaml"), Workspace(tmp_path / "work"), Progress())
        rows = tiny.rows(6, 3, tiny.model(1))
        before = None
        adapters = Lineage(run, SampleIds([row.sample_id for row in rows])).adapters
        for plan, (_, planned) in zip(stage_plans(run, rows), adapters, strict=True):
            train_stage(run, plan, run.base.folder, planned, before, rows, tiny.tokenizer())
            before = planned
        return [planned.artifact_id for _, planned in adapters]

    return train


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_training_is_a_run_of_its_own_called_as_what_it_makes(trained: Any, tmp_path: Path) -> None:
    ids = trained(["trackio", "tensorboard"])
    tracking = tmp_path / "work" / "tracking"
    told = _lines(tracking / "trackio" / "told.jsonl")
    assert [one["name"] for one in told if one["what"] == "init"] == ids
    assert {one["project"] for one in told if one["what"] == "init"} == {"calculator"}
    assert {one["space_id"] for one in told if one["what"] == "init"} == {None}
    losses = [one["train/global_step"] for one in told if one["what"] == "log" and "train/loss" in one]
    assert losses == [1, 2, 1]
    assert sorted(path.name for path in (tracking / "tensorboard").iterdir()) == sorted(ids)
    for name, steps in zip(ids, ([1, 2], [1]), strict=True):
        scalars = _lines(tracking / "tensorboard" / name / "told.jsonl")
        assert [step for said, _, step in scalars if said == "train/loss"] == steps
    # The others stay here too, until somebody says otherwise.
    assert os.environ["WANDB_MODE"] == "offline"
    assert os.environ["MLFLOW_TRACKING_URI"].endswith("/tracking/mlflow.db")


def test_what_a_person_set_stays(trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("WANDB_MODE", "online")
    trained(["trackio"])
    assert (tmp_path / "mine" / "told.jsonl").is_file()
    assert os.environ["WANDB_MODE"] == "online"


def test_nothing_is_set_and_nothing_written_where_none_is_named(trained: Any, tmp_path: Path) -> None:
    trained([])
    assert not (tmp_path / "work" / "tracking").exists()
    assert not set(VARIABLES) & set(os.environ)
