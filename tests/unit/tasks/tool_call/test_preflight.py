"""Before a model loads, each own tool's schema has been tried: what no grammar holds is told once, and what
has none is refused where the teacher is in the process."""

from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.inference.schema_grammar import Kept
from factory.tasks.kind import Prepared
from factory.tasks.tool_call import preflight
from factory.tasks.tool_call.settings import ToolCallData
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.tools.load import load_tools
from factory.tools.spec import ToolSpec
from tests.support.calculator import CALCULATOR, DATA, free_tool

NOTE = free_tool(text={"type": "string"})


def tried(
    monkeypatch: pytest.MonkeyPatch,
    tools: list[ToolSpec],
    found: dict[str, Kept],
    *,
    served: bool = False,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return what is said, and the schemas that were examined."""
    said: list[str] = []
    asked: list[dict[str, Any]] = []

    def examine(schemas: dict[str, Any]) -> dict[str, Kept]:
        asked.append(schemas)
        return found

    monkeypatch.setattr(preflight, "examine", examine)
    data = ToolCallData.model_validate(
        {"kind": "tool_call", "seeds": "s.jsonl", "tools": "mine.json", "count": 1, "budget": {"requests": 1}}
    )
    kind = ToolCallTaskset([], tools, examples=0, seed=1)
    preflight.require_grammars(
        Prepared(Path("r.yaml"), data, [], [], kind, (), False, served=served, say=said.append)
    )
    return said, asked


def test_what_no_grammar_holds_is_told_in_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"note": Kept([("$.properties.text", "not"), ("$", "dependentRequired")]), "other": Kept([])}
    said, _ = tried(monkeypatch, [NOTE], found)
    assert len(said) == 1
    assert said[0].startswith("note: mine.json: ")
    assert "note (not at $.properties.text, dependentRequired at $)" in said[0]
    assert "other" not in said[0]


def test_a_schema_without_a_grammar_is_refused_or_left_to_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"note": Kept([], "Invalid range")}
    with pytest.raises(InputError, match=r"mine\.json: no grammar can be made for note: Invalid range"):
        tried(monkeypatch, [NOTE], found)
    said, _ = tried(monkeypatch, [NOTE], found, served=True)
    assert said == [
        "note: mine.json: no grammar can be made for note: Invalid range; the servers have to enforce it"
    ]


def test_only_own_tools_cost_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = load_tools(DATA / "tools" / "tools.json")
    assert tried(monkeypatch, shipped, {}) == ([], [])
    assert tried(monkeypatch, CALCULATOR, {}) == ([], [])
    assert tried(monkeypatch, [*shipped, NOTE], {}) == ([], [{"note": NOTE.function.parameters}])
    # A tool of a shipped name with a schema of its own is an own one.
    mine = CALCULATOR[0].model_copy(
        update={"function": CALCULATOR[0].function.model_copy(update={"parameters": {"type": "object"}})}
    )
    assert tried(monkeypatch, [mine], {})[1] == [{"calculator": {"type": "object"}}]
