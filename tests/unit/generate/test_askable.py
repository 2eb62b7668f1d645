"""What no grammar can hold of own tools is found out where something is asked, and costs nothing where
nothing is left to ask."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.generate import stage
from factory.generate.stage import GenerateStage
from factory.inference.request import Request
from factory.inference.schema_grammar import Kept
from factory.pipeline.preflight import preflight
from factory.tasks.tool_call import preflight as tool_call_preflight
from tests.support.scripted import Model, count, load, numbers, opened, own_tool


def doubling(request: Request) -> str:
    """Say the call that a question about a number's double needs."""
    return json.dumps({"name": "twice", "arguments": {"number": numbers(request)[-1]}})


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the tools whose schemas were examined, call by call; `twice` has no whole grammar."""
    found: list[list[str]] = []

    def examine(schemas: dict[str, Any]) -> dict[str, Kept]:
        found.append(list(schemas))
        return {name: Kept([("$", "not")]) for name in schemas}

    monkeypatch.setattr(tool_call_preflight, "examine", examine)
    return found


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the stage as its child process does, and return how many requests the teacher got."""
    model, plan = Model(doubling), load(folder)
    monkeypatch.setattr(stage, "open_teacher", lambda _: model())
    try:
        with opened(plan) as store:
            GenerateStage().run(plan, store, "")
            assert count(store, "training_set") == 6
    finally:
        assert plan.custom_tools is not None
        plan.custom_tools.close()
    return len(model.asked)


def test_schemas_are_examined_once_where_the_teacher_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examined: list[list[str]]
) -> None:
    own_tool(tmp_path)
    preflight(load(tmp_path), ("generate",))
    assert examined == [], "nothing is asked yet"
    assert asked(tmp_path, monkeypatch) >= 6
    assert examined == [["twice"]]
    assert asked(tmp_path, monkeypatch) == 0
    assert examined == [["twice"]], "nothing was left to ask"


def test_a_schema_without_a_grammar_is_refused_before_the_teacher_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise InputError("no grammar can be made for twice")

    own_tool(tmp_path)
    monkeypatch.setattr(tool_call_preflight, "require_grammars", refuse)
    opened_models: list[Any] = []
    monkeypatch.setattr(stage, "open_teacher", opened_models.append)
    plan = load(tmp_path)
    with opened(plan) as store, pytest.raises(InputError, match="no grammar"):
        GenerateStage().run(plan, store, "")
    assert opened_models == []
    assert plan.custom_tools is not None
    plan.custom_tools.close()
