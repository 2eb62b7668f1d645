"""A kind of data that is one file and one line in the table is validated, made, edited and exported."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KIND = '''
"""The kind `toy`: a word, and the teacher's word for it."""

from typing import Literal

from pydantic import Field

from factory.inference.request import Answer
from factory.system.digest import content_id
from factory.tasks.instruction.seeds import InstructionFormat
from factory.tasks.kind import Kind
from factory.tasks.rounds import rounds
from factory.tasks.sample import Sample
from factory.tasks.settings import DataSettings
from factory.tasks.taskset import Ask, replay


class ToyData(DataSettings):
    kind: Literal["toy"] = Field(description="What a sample is.")
    loud: bool = False


class ToyTaskset:
    template_digest = "b2:toy"

    def __init__(self, seeds):
        self._seeds = seeds

    def tasks(self, pool):
        return rounds(self._seeds, lambda seed, variant: None)

    def episode(self, task, draw):
        messages = [{"role": "user", "content": task.question}]
        answer = yield Ask(messages)
        said = [*messages, {"role": "assistant", "content": answer.text}]
        return Sample(answer.key, task, answer.text, "stop", answer=answer.text, messages=said,
                      said=task.question, dedup_key=content_id(task.question))


class Toy(Kind):
    name = "toy"
    settings = ToyData
    own_format = InstructionFormat
    seed_formats = (InstructionFormat,)
    default_checks = ("schema", "dedup")
    untrained = "toys learn nothing"
    editable = ("question", "answer")
    tags = ("toys",)

    def taskset(self, data, seeds, tools, run, seed, own):
        return ToyTaskset(seeds)

    def plan_identity(self, data, tools, own_source):
        return super().plan_identity(data, tools, own_source) | {"loud": data.loud}

    def remake(self, changed, changes, task, own, run):
        return replay(ToyTaskset([]).episode(task, 0), [changed["answer"]])


KIND = Toy()
'''
RUN = """
import json, sys
from pathlib import Path
from factory.generate.stage import generate
from factory.review.edit import edited
from tests.support.scripted import Model, load, opened

context = load(Path(sys.argv[1]))
with opened(context) as store:
    generate(context, store, Model(lambda request: "It says moo " + request.key[-9:]))
    (row, *_) = store.query("SELECT s.*, 1 AS place FROM samples s ORDER BY question")
row |= {name: json.loads(row[name]) for name in ("messages", "tools") if row[name]}
print(edited(row, {"answer": "Bleat."}, None).row["messages"][-1]["content"])
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The factory with one more file and one more line."""
    house = tmp_path_factory.mktemp("house")
    for room in ("factory", "prompts", "schemas", "pipelines"):
        shutil.copytree(ROOT / room, house / room, ignore=shutil.ignore_patterns("__pycache__"))
    (house / "factory" / "tasks" / "toy.py").write_text(KIND)
    table = house / "factory" / "tasks" / "kinds.py"
    table.write_text(table.read_text().replace('    "instruction",\n', '    "instruction",\n    "toy",\n'))
    return house


def _run(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{house}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=house, capture_output=True, text=True
    )


def _recipe(folder: Path, more: str = "") -> Path:
    seeds = [
        {"id": name, "language": "en", "instruction": f"What does a {name} say?"} for name in ("cow", "ewe")
    ]
    (folder / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    path = folder / "recipe.yaml"
    path.write_text(
        "name: toys\nteacher: {model: smollm2-135m-instruct}\n"
        f"data: {{kind: toy, seeds: seeds.jsonl, count: 2, loud: true}}\n{more}"
    )
    return path


def test_a_toy_is_made_edited_and_exported(house: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path)
    done = _run(house, "-m", "factory.cli.main", "validate", str(recipe))
    assert done.returncode == 0, done.stderr
    done = _run(house, "-c", RUN, str(tmp_path))
    assert done.stdout == "Bleat.\n", done.stderr
    out = tmp_path / "out"
    work = str(tmp_path / "work")
    done = _run(house, "-m", "factory.cli.main", "export", "-w", work, "--format", "jsonl", "-o", str(out))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert {(row["kind"], row["question"]) for row in rows} == {
        ("toy", "What does a cow say?"),
        ("toy", "What does a ewe say?"),
    }
    assert "- toys" in (out / "README.md").read_text()


def test_a_toy_is_refused_a_student_by_its_own_reason(house: Path, tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n")
    done = _run(house, "-m", "factory.cli.main", "validate", str(recipe))
    assert done.returncode == 2 and "student: toys learn nothing; remove it" in done.stderr
