"""What is set aside where the recipe says nothing of it, and the place of each stage among the others."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from factory.recipe.student import Student
from factory.seeds.split import VALIDATION, side
from factory.student.stage_plan import Row, set_aside_share, stage_plans, tutor_plan
from tests.support.recipes import write_model
from tests.support.scripted import load, project

SHARE = 0.1


def _rows(seeds: int, twins: int = 1) -> list[Any]:
    return [
        SimpleNamespace(sample_id=f"b2:{place}", seed=f"seed{place % seeds}", source="", task="")
        for place in range(seeds * twins)
    ]


def _student(*stages: dict[str, Any], **more: Any) -> Student:
    return Student.model_validate({"base": "base", "stages": [{"sft": stage} for stage in stages]} | more)


@pytest.mark.parametrize("twins", [1, 3])
def test_a_tenth_is_set_aside_of_forty_seeds_or_more(twins: int) -> None:
    plain = _student({"steps": 9})
    assert any(side(f"seed{place}", SHARE) == VALIDATION for place in range(39))
    assert set_aside_share(plain, _rows(39, twins)) == 0
    assert set_aside_share(plain, _rows(40, twins)) == set_aside_share(plain, _rows(500, twins)) == SHARE


def test_what_the_recipe_says_stays() -> None:
    for validation, share in (({"share": 0.3}, 0.3), (None, 0.0)):
        said = _student({"steps": 9, "validation": validation}, {"steps": 9})
        assert set_aside_share(said, _rows(50)) == set_aside_share(said, _rows(5)) == share


def test_nothing_is_set_aside_where_chance_would_set_none_aside() -> None:
    learnt = [row for row in _rows(500) if side(row.seed, SHARE) != VALIDATION]
    assert set_aside_share(_student({"steps": 9}), learnt) == 0


def _plans(folder: Path, rows: list[Row], *stages: dict[str, Any], **more: Any) -> list[Any]:
    write_model(folder / "base", "base")
    student = {"base": "base", "stages": list(stages)} | more
    project(folder, "tool_call", "count: 4", more=f"student: {json.dumps(student)}\n")
    return list(stage_plans(load(folder).run, rows))


def test_each_stage_is_looked_at_at_least_once(tmp_path: Path) -> None:
    plans = _plans(tmp_path, _rows(60), {"sft": {"steps": 50}}, {"sft": {"steps": 7}})
    assert [plan.name for plan in plans] == ["sft", "sft 2"]
    assert [plan.validation.every for plan in plans] == [20, 7]
    assert all(plan.by_default and plan.set_aside == SHARE for plan in plans)
    assert [plan.seed for plan in plans] == [0, 1]
    assert [(plan.goes_on, plan.leaves) for plan in plans] == [(False, True), (True, False)]
    assert [plan.rate.first for plan in plans] == [0, 50]


def test_with_a_schedule_each_no_stage_hands_anything_on(tmp_path: Path) -> None:
    stages = [{"sft": {"steps": 50}}, {"sft": {"steps": 7}}]
    plans = _plans(tmp_path, _rows(5), *stages, schedule="each")
    assert not any(plan.goes_on or plan.leaves or plan.validation for plan in plans)
    assert [(plan.rate.first, plan.rate.steps) for plan in plans] == [(0, 50), (0, 7)]


def test_a_tutor_sets_the_same_seeds_aside(tmp_path: Path) -> None:
    write_model(tmp_path / "tutor", "tutor")
    tutor = {"base": "tutor", "steps": 12}
    _plans(tmp_path, _rows(60), {"distill": {"steps": 5}}, tutor=tutor)
    run = load(tmp_path).run
    assert run.student.tutor is not None
    plan = tutor_plan(run, run.student.tutor, _rows(60))
    assert (plan.name, plan.set_aside, plan.rate.steps) == ("tutor", SHARE, 12)
    assert plan.validation is not None and plan.validation.every == 12
