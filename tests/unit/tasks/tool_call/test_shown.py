"""The teacher reads what arguments mean, where their names do not say it; prompts of before stay word for
word."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.tasks.tool_call.shown import ARGUMENTS, describe, says_more, shown_tools
from factory.tasks.tool_call.taskset import STEPS, SYSTEM, ToolCallTaskset
from factory.tools.load import load_tools
from factory.tools.spec import ToolSpec
from tests.support.calculator import CALCULATOR, DATA, one_seed

PAY = {
    "amount": {"type": "integer", "description": "in cents"},
    "day": {"type": "string", "description": "DD/MM/YYYY"},
    "unit": {"type": "string", "enum": ["EUR", "USD"], "default": "EUR"},
}
STEPPED = '[[{"name": "pay", "arguments": {"amount": 1200, "day": "03/05/2026"}}]]'


def tool(properties: dict[str, Any], name: str = "pay", **more: Any) -> ToolSpec:
    schema = {"type": "object", "properties": properties} | more
    return ToolSpec.model_validate(
        {"type": "function", "function": {"name": name, "description": "Pays.", "parameters": schema}}
    )


def system(tools: list[ToolSpec], reference: str = "1", own: Path | None = None) -> str:
    seeds = [one_seed("Pay 12 euros on 3 May 2026.", reference)]
    kind = ToolCallTaskset(seeds, tools, examples=0, seed=1, own=own, run=lambda name, arguments: "done")
    return str(kind.ask(next(iter(kind.propose(1))))[0]["content"])


@pytest.mark.parametrize("reference", ["1", STEPPED], ids=["one call", "steps"])
def test_the_prompt_says_what_arguments_mean(reference: str) -> None:
    said = system([tool(PAY)], reference)
    assert (
        'Tool pay: Pays. Its arguments as JSON Schema: {"type": "object", "properties": {"amount": {"type": '
        '"integer", "description": "in cents"}, "day": {"type": "string", "description": "DD/MM/YYYY"}, '
        '"unit": {"type": "string", "enum": ["EUR", "USD"], "default": "EUR"}}} Arguments: amount, day, unit.'
    ) in said


@pytest.mark.parametrize(
    "part",
    [
        {"type": ["string", "null"]},
        {"type": "string", "pattern": "^[0-9]+$"},
        {"type": "integer", "maximum": 9},
        {"type": "string", "description": "in cents"},
        {"type": "string", "enum": ["a"]},
        {"type": "string", "default": "a"},
        {"const": 1},
        {"type": "string", "format": "date"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "object"},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ],
    ids=str,
)
def test_what_a_name_does_not_say_is_shown(part: dict[str, Any]) -> None:
    assert says_more(tool({"a": part}))
    assert describe(tool({"a": part})) in system([tool({"a": part})])


@pytest.mark.parametrize(
    "more",
    [
        {"additionalProperties": {"type": "number"}},
        {"patternProperties": {"^x-": {"type": "string"}}},
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]},
        {"minProperties": 1},
    ],
    ids=str,
)
def test_arguments_that_no_name_stands_for_are_shown(more: dict[str, Any]) -> None:
    said = system([tool({}, **more)])
    assert json.dumps(more)[1:-1] in said


@pytest.mark.parametrize("closed", [True, False])
def test_a_closed_list_of_bare_names_is_shown_as_ever(closed: bool) -> None:
    named = tool({"a": {"type": "string"}}, additionalProperties=not closed, required=["a"])
    assert not says_more(named)


@pytest.mark.parametrize(
    "properties",
    [{}, {"a": {}}, {"a": {"type": "string"}, "b": {"type": "number"}}, {"on": {"type": "boolean"}}],
)
def test_bare_arguments_are_shown_by_their_names_as_ever(properties: dict[str, Any]) -> None:
    said = system([tool(properties)], "[]")
    assert said.endswith(f"\nTool pay: Pays. Arguments: {', '.join(properties)}.\n")


@pytest.mark.parametrize("reference", ["1", STEPPED], ids=["one call", "steps"])
def test_a_schema_without_properties_is_one_without_arguments(reference: str) -> None:
    function = {"name": "now", "description": "The time.", "parameters": {"type": "object"}}
    now = ToolSpec.model_validate({"type": "function", "function": function})
    assert "Tool now: The time. Arguments: ." in system([tool(PAY), now], reference)


@pytest.mark.parametrize("main", [SYSTEM, STEPS])
def test_tools_that_ship_are_shown_by_their_names_as_ever(main: str) -> None:
    shipped = load_tools(DATA / "tools" / "tools.json")
    assert shown_tools(shipped, main, None) == ([spec.model_dump() for spec in shipped], [])


def test_beside_a_tool_that_ships_only_the_own_one_is_explained() -> None:
    shown, used = shown_tools([*CALCULATOR, tool(PAY)], SYSTEM, None)
    assert used == [ARGUMENTS]
    assert shown[0] == CALCULATOR[0].model_dump()
    assert "in cents" in shown[1]["function"]["description"]


def test_whoever_wrote_the_prompt_decides_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / SYSTEM).write_text("{% for tool in tools %}{{ tool.function.description }}{% endfor %}")
    assert system([tool(PAY)], own=tmp_path) == "Pays."
    (tmp_path / SYSTEM).unlink()
    (tmp_path / ARGUMENTS).write_text("{{ description }} Write {{ schema | length }} characters of it.")
    assert "Pays. Write " in system([tool(PAY)], own=tmp_path)


def test_another_text_about_arguments_is_another_template(tmp_path: Path) -> None:
    seeds = [one_seed("Pay.", "1")]

    def digest(tools: list[ToolSpec]) -> str:
        return ToolCallTaskset(seeds, tools, examples=0, seed=1, own=tmp_path).template_digest

    before = digest([tool(PAY)]), digest(CALCULATOR)
    (tmp_path / ARGUMENTS).write_text("{{ description }} {{ schema }}!")
    assert digest([tool(PAY)]) != before[0]
    assert digest(CALCULATOR) == before[1]
