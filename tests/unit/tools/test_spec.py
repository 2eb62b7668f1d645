"""A tools file loads into specs that can check a call, or is refused with its path and every fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.tools.load import load_tools
from factory.tools.registry import run_tool
from factory.tools.spec import ToolSpec

CALCULATOR = Path(__file__).parents[3] / "data" / "tools" / "calculator.json"


def tool(parameters: Any = None, name: str = "weather") -> dict[str, Any]:
    schema = {"type": "object"} if parameters is None else parameters
    return {
        "type": "function",
        "function": {"name": name, "description": "Says something.", "parameters": schema},
    }


def spec(**properties: Any) -> ToolSpec:
    return ToolSpec.model_validate(tool({"type": "object", "properties": properties}))


def refused(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "tools.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        load_tools(path)
    assert str(path) in caught.value.message
    return caught.value.message


def test_the_shipped_calculator() -> None:
    [calculator] = load_tools(CALCULATOR)
    assert calculator.name == "calculator"
    assert calculator.check_arguments({"expression": "(12 + 7) * 3.5 % 4"}) == []
    assert run_tool(calculator.name, {"expression": "12 + 7"}) == "19"
    assert calculator.model_dump() == json.loads(CALCULATOR.read_text())[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"expression": 12},
        {"expression": ""},
        {"expression": "abs(1)"},
        {"expression": "1" * 61},
        {"expression": "1", "unit": "m"},
    ],
)
def test_the_shipped_calculator_refuses(arguments: dict[str, Any]) -> None:
    [calculator] = load_tools(CALCULATOR)
    assert calculator.check_arguments(arguments)


def test_every_fault_of_a_call_is_told_with_its_place() -> None:
    messages = spec(city={"type": "string"}, days={"type": "integer"}).check_arguments(
        {"city": 3, "days": "two"}
    )
    assert [message.split(":")[0] for message in messages] == ["$.city", "$.days"]


def test_a_schema_may_refer_to_itself() -> None:
    nested = ToolSpec.model_validate(
        tool({"type": "object", "properties": {"child": {"$ref": "#"}}, "additionalProperties": False})
    )
    assert nested.check_arguments({"child": {"child": {}}}) == []
    assert nested.check_arguments({"child": {"other": 1}})
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"child": deep}
    assert "too deeply" in nested.check_arguments(deep)[0]


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({}, '"type": "object"'),
        ({"type": "string"}, '"type": "object"'),
        ([], "dictionary"),
        ({"type": "objekt"}, "not a valid JSON Schema"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "$.properties.a.pattern"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.org/a"}}}, "leaves the schema"),
        ({"type": "object", "properties": {"a": {"$ref": "file:///etc/hostname"}}}, "leaves the schema"),
        ({"type": "object", "properties": {"a": {"$dynamicRef": "other.json"}}}, "leaves the schema"),
        ({"type": "object", "allOf": [{"$ref": "#/$defs/missing"}]}, "has no target"),
        ({"type": "object", "x": [1], "properties": {"a": {"$ref": "#/x/z"}}}, "has no target"),
        ({"type": "object", "properties": {"a": {"$ref": "#/type"}}}, "not a valid JSON Schema"),
        ({"type": "object", "properties": {"a": {"$id": "https://example.org/a"}}}, "top of the schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(tmp_path: Path, parameters: Any, wrong: str) -> None:
    assert wrong in refused(tmp_path, json.dumps([tool(parameters)]))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("[", "not valid JSON"),
        ("[NaN]", "NaN is not JSON"),
        (b"\xff[]", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("{}", "a list"),
        ("[]", "a list"),
        ("[3]", "tool 1, as a whole"),
        (json.dumps([tool(name="two words")]), "tool 1, function.name"),
        (json.dumps([tool(), tool() | {"type": "plugin"}]), "tool 2, type"),
        (json.dumps([tool() | {"strict": True}]), "tool 1, strict"),
        (json.dumps([tool(), tool(name="clock"), tool()]), "'weather' is given to 2 tools"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: str | bytes, wrong: str) -> None:
    assert wrong in refused(tmp_path, content)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, json.dumps([tool(name=""), tool({"type": "array"})]))
    assert "tool 1" in message
    assert "tool 2" in message


def test_a_deeply_nested_schema_is_refused(tmp_path: Path) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(150):
        schema = {"type": "object", "properties": {"a": schema}}
    assert "too deeply" in refused(tmp_path, json.dumps([tool(schema)]))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.json"):
        load_tools(tmp_path / "absent.json")
