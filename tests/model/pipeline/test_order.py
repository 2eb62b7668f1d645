"""A stage whose model another stage makes says so, before anything is loaded."""

from pathlib import Path

import pytest

from factory.errors import FactoryError, InputError
from factory.generate.check import check
from factory.generate.stage import generate
from factory.pipeline.loop import run
from factory.pipeline.preflight import preflight
from tests.support.scripted import Model, checks, edit, load, opened, project, reasoning, write

STUDENT = (
    "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
    "evaluate: {held_out: held_out.jsonl}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project(
        tmp_path,
        "rationale",
        "count: 4",
        more=checks("rationale") + STUDENT + "compress: {quantize: w8a8-dynamic}\n",
    )
    write(
        tmp_path / "held_out.jsonl",
        [{"id": "h1", "question": "A tree has 31 pears and grows 2. How many?", "reference": "33"}],
    )
    return tmp_path


@pytest.mark.parametrize("verb", ["compress", "evaluate"])
def test_no_student_yet(folder: Path, verb: str) -> None:
    context = load(folder)
    with opened(context) as store:
        generate(context, store, Model(reasoning))
        check(context, store)
    with pytest.raises(FactoryError, match=r"the student of .* is not made yet\n.*factory distill"):
        run(context, (verb,), "test")


def test_no_held_out_tasks(folder: Path) -> None:
    edit(folder / "recipe.yaml", "evaluate: {held_out: held_out.jsonl}\n", "")
    with pytest.raises(InputError, match="the recipe has no evaluate, so there is nothing to evaluate"):
        preflight(load(folder), ("evaluate",))
