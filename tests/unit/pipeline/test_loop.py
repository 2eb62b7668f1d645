"""The loop runs what stages owe, whichever they are: each is one class and one line of the table."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.context.stage import Step
from factory.errors import InputError
from factory.pipeline import loop
from factory.pipeline.preflight import preflight
from factory.pipeline.stages import STAGES, Entry, load_stage
from tests.support import toy_stages
from tests.support.scripted import edit, load, project


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    for name in ("Toy", "Other", "Needs", "Child"):
        monkeypatch.setitem(STAGES, name.lower(), Entry("tests.support.toy_stages", name, "A toy."))
    project(tmp_path, "rationale", "count: 4")
    toy_stages.RAN.clear()
    yield load(tmp_path)
    toy_stages.RAN.clear()


def test_what_follows_from_a_step_is_run_after_it_even_if_another_stage_does_it(plan: Plan) -> None:
    assert loop.run(plan, ("toy",), "test")
    assert toy_stages.RAN == [("toy", "first"), ("toy", "second"), ("other", "third")]
    assert not loop.run(plan, ("toy",), "test"), "nothing is left to do"


def test_a_step_that_does_not_help_is_run_once(plan: Plan) -> None:
    assert loop.run(plan, ("other",), "test")
    # The second time it knows that something was done, and has another wish.
    assert toy_stages.RAN == [("other", "alone"), ("other", "waits")]


def test_a_stage_is_passed_over_where_the_recipe_lacks_what_it_needs(plan: Plan) -> None:
    assert not loop.run(plan, ("needs",) * 2, "test")
    assert toy_stages.RAN == []
    with pytest.raises(InputError, match="the recipe has no student, so there is nothing to needs"):
        loop.run(plan, ("needs",), "test")


def test_a_heavy_step_runs_in_a_child_with_its_environment(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, Any]]] = []
    monkeypatch.setattr(loop, "run_child", lambda arguments, **how: started.append((arguments, how)))
    loop.run_once(plan, Step("child", "detail"), "test")
    ((arguments, how),) = started
    assert arguments == ["child", str(plan.run.loaded.path), str(plan.run.workspace.root), "detail"]
    assert how["environment"]["TOY"] == "1" and how["log"].name == "child.log"
    assert toy_stages.RAN == []


@pytest.mark.parametrize("name", list(STAGES))
def test_the_table_names_each_stage_as_it_is_called(name: str) -> None:
    assert load_stage(name).name == name


def test_the_loop_and_the_worker_know_no_stage_by_name() -> None:
    for module in ("loop", "worker"):
        source = (Path(loop.__file__).parent / f"{module}.py").read_text()
        assert not re.search(rf"[\"']({'|'.join(STAGES)})[\"']", source)


def test_only_a_stage_that_loads_the_teacher_asks_for_its_key(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(tmp_path / "recipe.yaml", '/v1"]', '/v1"], api_key_env: TEACHER_KEY')
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    served = load(tmp_path)
    preflight(served, ("check", "report"))
    with pytest.raises(InputError, match="TEACHER_KEY"):
        preflight(served, ("generate",))
