"""A toy of each thing that can be added, one file and one line of a table each, in one factory."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.model_server import Server, serving
from tests.support.scripted import edit, own_tool
from tests.unit.evaluate.test_metrics import TOY as METRIC
from tests.unit.tasks.test_toy_kind import KIND

ROOT = Path(__file__).parents[3]
ADAPTER = '''"""The adapter `norms`: the norms of the base are trained, and nothing else."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from factory.adapters.adapter import Adapter


class Norms(Adapter):
    artifact_kind: ClassVar[Literal["adapter", "model"]] = "model"
    float32: ClassVar[bool] = True

    kind: Literal["norms"] = Field(description="Norms.")
    layers: int = Field(default=1, ge=1)

    def wrap(self, model: Any, tokenizer: Any) -> Any:
        for name, weight in model.named_parameters():
            weight.requires_grad_("norm" in name)
        return model

    def resume(self, model: Any, trained: Path) -> Any:
        return self.wrap(model, None)

    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        return model


ADAPTER = Norms
'''
FORMAT = '''"""The format `shout`: Hermes with another parser."""

from factory.chat_formats.hermes import Hermes


class Shout(Hermes):
    title = "Shout"
    parser = "shout_json"


FORMAT = Shout()
'''
STAGE = '''"""The stage `count`: the number of accepted samples, written down once."""

from factory.context.stage import Stage, Step


class CountStage(Stage):
    name = "count"

    def preflight(self, plan):
        pass

    def owed(self, plan, store, *, worked):
        return [] if (plan.run.workspace.root / "count.txt").exists() else [Step(self.name)]

    def run(self, plan, store, detail):
        (row,) = store.query("SELECT count(*) AS n FROM samples")
        (plan.run.workspace.root / "count.txt").write_text(str(row["n"]))
        return f"{row['n']} samples counted"
'''
MEASURE = """
import sys
from pathlib import Path
from factory.chat_formats.formats import FORMATS
from factory.evaluate.candidate import Candidate
from factory.evaluate.measure import measure
from tests.support.scripted import Model, load, opened

plan = load(Path(sys.argv[1]))
candidate = Candidate("student", "b2:student", "student", Path(sys.argv[1]), False, "", "")
with opened(plan) as store:
    print(measure(plan, store, candidate, Model(lambda _: "5"), local=False))
print(FORMATS[plan.run.student.format].title)
plan.custom_tools and plan.custom_tools.close()
"""
STUDENT = """student:
  base: smollm2-135m-instruct
  format: shout
  adapter: {kind: norms, layers: 2}
  stages: [{sft: {steps: 1}}]
"""
LEARNT = KIND.replace('    untrained = "toys learn nothing"\n', "")
# The file of each toy, the table, and where in it the one line goes.
TOYS = {
    "tasks/toy.py": (LEARNT, "tasks/kinds.py", '    "instruction",\n', '    "toy",\n'),
    "adapters/norms.py": (ADAPTER, "adapters/kinds.py", '    "full",\n', '    "norms",\n'),
    "chat_formats/shout.py": (FORMAT, "chat_formats/formats.py", '    "hermes",\n', '    "shout",\n'),
    "report/count.py": (
        STAGE,
        "pipeline/stages.py",
        "STAGES = {\n",
        '    "count": Entry("factory.report.count", "CountStage", "Count the samples."),\n',
    ),
    "evaluate/metrics/text_length.py": (
        METRIC,
        "evaluate/metrics/table.py",
        '    "accuracy",\n',
        '    "text_length",\n',
    ),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The factory with every toy: a file and a line each."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "factory", house / "factory", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("prompts", "schemas", "pipelines"):
        (house / name).symlink_to(ROOT / name)
    for file, (text, table, before, line) in TOYS.items():
        (house / "factory" / file).write_text(text)
        edit(house / "factory" / table, before, before + line)
    return house


def _run(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{house}{os.pathsep}{ROOT}", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=house, capture_output=True, text=True
    )


def _factory(house: Path, *arguments: str) -> str:
    done = _run(house, "-m", "factory.cli.main", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _toys(folder: Path, url: str, more: str = "") -> Path:
    """Write a recipe with every toy that a recipe can name, and return its path."""
    seeds = [{"id": name, "instruction": f"What does a {name} say?"} for name in ("cow", "ewe")]
    (folder / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f'name: toys\nteacher: {{model: tiny, endpoints: ["{url}"]}}\n'
        f"data: {{kind: toy, seeds: seeds.jsonl, count: 2}}\nchecks: [schema]\n{more}"
    )
    return recipe


def test_a_toy_kind_is_generated_and_a_toy_stage_runs_by_its_verb(house: Path, tmp_path: Path) -> None:
    server, work = Server(), tmp_path / "work"
    with serving(server):
        recipe = str(_toys(tmp_path, server.url))
        _factory(house, "generate", recipe, "-w", str(work))
    assert len(server.asked) == 2
    assert "2 samples counted" in _factory(house, "count", recipe, "-w", str(work))
    assert (work / "count.txt").read_text() == "2"
    assert "nothing to do" in _factory(house, "count", recipe, "-w", str(work))


def test_a_recipe_of_toys_is_valid_and_its_adapters_settings_are_checked(house: Path, tmp_path: Path) -> None:
    recipe = _toys(tmp_path, "http://127.0.0.1:9/v1", STUDENT)
    assert f"{recipe}: ok" in _factory(house, "validate", str(recipe))
    edit(recipe, "layers: 2", "layers: 0")
    done = _run(house, "-m", "factory.cli.main", "validate", str(recipe))
    assert done.returncode == 2 and "student.adapter.layers" in done.stderr
    edit(recipe, "layers: 0", "layer: 2")
    done = _run(house, "-m", "factory.cli.main", "validate", str(recipe))
    assert done.returncode == 2 and "did you mean" in done.stderr


def test_a_toy_metric_is_measured_of_a_student_in_a_toy_format(house: Path, tmp_path: Path) -> None:
    recipe = own_tool(tmp_path)
    recipe.write_text(recipe.read_text() + STUDENT)
    done = _run(house, "-c", MEASURE, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "text_length 1.00 characters" in done.stdout and "Shout" in done.stdout
    board = _factory(house, "audit", "leaderboard", "-w", str(tmp_path / "work"), "--format", "csv")
    assert ",text_length," in board
