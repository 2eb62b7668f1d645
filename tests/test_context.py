"""What decides which questions are put, and what does not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.context import Context
from factory.progress import Progress
from factory.recipe.load import load_recipe
from factory.workspace import Workspace
from tests.data.rows import DATA

RECIPE: dict[str, Any] = {
    "name": "tiny",
    "teacher": {"model": "tiny", "endpoints": ["http://127.0.0.1:9/v1"]},
    "data": {"kind": "rationale", "seeds": str(DATA / "seeds" / "reasoning.jsonl"), "count": 10},
}


def plan_id(folder: Path, **data: Any) -> str:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE | {"data": RECIPE["data"] | data}))
    return Context(load_recipe(path), Workspace(folder), Progress()).plan_id


@pytest.mark.parametrize("data", [{"rationale_weight": 0.5}, {"keep": "diverse", "most": 2}, {"budget": {"requests": 9}}], ids=str)
def test_what_becomes_of_the_answers_changes_no_plan(tmp_path: Path, data: dict[str, Any]) -> None:
    assert plan_id(tmp_path, **data) == plan_id(tmp_path)


@pytest.mark.parametrize("data", [{"examples": 2}, {"draws": 2}], ids=str)
def test_another_prompt_is_another_plan(tmp_path: Path, data: dict[str, Any]) -> None:
    assert plan_id(tmp_path, **data) != plan_id(tmp_path)
