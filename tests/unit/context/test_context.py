"""What decides which questions are put, and what does not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from factory.context.plan import Plan
from factory.context.run import Run
from factory.recipe.load import load_recipe
from factory.system.progress import Progress
from factory.system.resources import resource
from factory.workspace import Workspace
from tests.support.data_rows import DATA
from tests.support.scripted import own_tool

KINDS: dict[str, dict[str, Any]] = {
    "rationale": {"kind": "rationale", "seeds": str(DATA / "seeds" / "reasoning.jsonl"), "count": 10},
    "instruction": {"kind": "instruction", "seeds": str(DATA / "seeds" / "instructions.jsonl"), "count": 10},
    "tool_call": {
        "kind": "tool_call",
        "seeds": str(DATA / "seeds" / "calculator.jsonl"),
        "tools": str(DATA / "tools" / "calculator.json"),
        "count": 10,
    },
}
SEED = {
    "id": "s1",
    "family": "sum",
    "question": "A shop has 11 pears and buys 18. How many are there?",
    "rationale": "Together 11 + 18 = 29.",
    "reference": "29",
    "expression": "11 + 18",
}


def plan_id(folder: Path, kind: str = "rationale", /, more: dict[str, Any] | None = None, **data: Any) -> str:
    path = folder / "recipe.yaml"
    teacher = {"model": "tiny", "endpoints": ["http://127.0.0.1:9/v1"]}
    path.write_text(
        yaml.safe_dump({"name": "tiny", "teacher": teacher, "data": KINDS[kind] | data} | (more or {}))
    )
    context = Plan(Run(load_recipe(path), Workspace(folder), Progress()))
    found = context.plan_id
    if kind == "tool_call" and context.custom_tools:
        context.custom_tools.close()
    return found


@pytest.mark.parametrize(
    "data",
    [
        {"rationale_weight": 0.5},
        {"keep": "diverse", "max_kept": 2},
        {"budget": {"requests": 9}},
        {"count": 20},
        {"strict": True},
    ],
    ids=str,
)
def test_what_becomes_of_the_answers_changes_no_plan(tmp_path: Path, data: dict[str, Any]) -> None:
    assert plan_id(tmp_path, **data) == plan_id(tmp_path)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("rationale", {"examples": 2}),
        ("rationale", {"samples_per_prompt": 2}),
        ("instruction", {"evolve": 1}),
        # The first block of tasks is as large as what is wanted.
        ("tool_call", {"count": 20}),
    ],
    ids=str,
)
def test_another_prompt_is_another_plan(tmp_path: Path, kind: str, data: dict[str, Any]) -> None:
    assert plan_id(tmp_path, kind, **data) != plan_id(tmp_path, kind)


@pytest.mark.parametrize("field", ["question", "rationale", "reference", "expression", "family"])
def test_every_field_of_a_seed_that_a_prompt_is_made_of_is_part_of_the_plan(
    tmp_path: Path, field: str
) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(json.dumps(SEED))
    before = plan_id(tmp_path, seeds=str(seeds))
    seeds.write_text(json.dumps(SEED | {"id": "another name"}))
    assert plan_id(tmp_path, seeds=str(seeds)) == before
    seeds.write_text(
        json.dumps(
            SEED
            | {field: SEED[field].replace("1", "3").replace("29", "47") + (" " if field == "family" else "0")}
        )
    )
    assert plan_id(tmp_path, seeds=str(seeds)) != before


def test_a_file_in_another_place_is_the_same_plan(tmp_path: Path) -> None:
    def plan(place: str, more: str = "", **limits: float) -> str:
        folder = tmp_path / place
        folder.mkdir(exist_ok=True)
        own_tool(folder)
        python = folder / "own.py"
        python.write_text(python.read_text() + more)
        data = {"seeds": str(folder / "seeds.jsonl"), "tools": str(folder / "tools.json")}
        return plan_id(tmp_path, "tool_call", **data, own_tools={"python": str(python), **limits})

    here = plan("here")
    assert plan("there") == here
    assert plan("there", "# more\n") != here
    assert plan("here", seconds=9.0) != here


def test_columns_are_seen_in_the_seeds_they_give(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(json.dumps(SEED))
    before = plan_id(tmp_path, seeds=str(seeds))
    seeds.write_text(
        json.dumps({("problem" if field == "question" else field): text for field, text in SEED.items()})
    )
    assert plan_id(tmp_path, seeds=str(seeds), columns={"question": "problem"}) == before


def test_the_judges_template_is_part_of_the_plan_where_there_is_a_judge(tmp_path: Path) -> None:
    checks = {"checks": ["schema", "judge"]}
    plain, judged = plan_id(tmp_path), plan_id(tmp_path, more=checks)
    assert plain != judged
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "judge.j2").write_text("Note: " + resource("prompts", "judge.j2").read_text())
    assert plan_id(tmp_path) == plain
    assert plan_id(tmp_path, more=checks) != judged


def test_a_served_model_is_the_same_on_other_servers(tmp_path: Path) -> None:
    def plan(address: str, **teacher: str) -> str:
        return plan_id(tmp_path, more={"teacher": {"model": "tiny", "endpoints": [address], **teacher}})

    assert plan("http://127.0.0.1:9/v1") == plan("https://another/v1")
    assert plan("https://another/v1", revision="ab" * 20) != plan("https://another/v1")


def test_how_much_fits_is_part_of_the_plan_of_a_teacher_that_runs_here(tmp_path: Path) -> None:
    def plan(model: str, **teacher: Any) -> str:
        return plan_id(tmp_path, more={"teacher": {"model": model, **teacher}})

    served = {"endpoints": ["http://127.0.0.1:9/v1"]}
    assert plan("tiny", max_model_len=512, **served) == plan("tiny", max_model_len=1024, **served)
    assert plan("smollm2-135m-instruct", max_model_len=512) != plan(
        "smollm2-135m-instruct", max_model_len=1024
    )
