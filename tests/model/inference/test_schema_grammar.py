"""A grammar takes what its schema takes, every schema has one, and what it does not hold is named; tried with
xgrammar itself."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from xgrammar import Grammar
from xgrammar.testing import _is_grammar_accept_string

from factory.inference import schema_grammar
from factory.inference.schema_grammar import IGNORED, OPTIONS, Kept, compile_schema, examine, flatten
from factory.tasks.tool_call.call import call_schema, calls_schema
from factory.tools.load import load_tools
from tests.support.calculator import DATA
from tests.support.schemas import plain, values

SHIPPED = load_tools(DATA / "tools" / "tools.json")
ADDRESS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def compiled(schema: dict[str, Any]) -> tuple[Grammar, Kept]:
    return compile_schema(schema, lambda text: Grammar.from_json_schema(text, **OPTIONS))


def takes(schema: dict[str, Any], value: Any) -> bool:
    return bool(_is_grammar_accept_string(compiled(schema)[0], json.dumps(value, ensure_ascii=False)))


@given(plain, values)
def test_a_flat_schema_takes_the_same_values(schema: Any, value: Any) -> None:
    flat = flatten(schema)
    assert Draft202012Validator(flat).is_valid(value) == Draft202012Validator(schema).is_valid(value)


@settings(max_examples=60)
@given(plain, values)
def test_what_a_whole_grammar_takes_fits_the_schema(schema: Any, value: Any) -> None:
    whole = {"type": "object", "properties": {"at": schema}, "required": ["at"]}
    grammar, kept = compiled(whole)
    text = json.dumps({"at": value}, ensure_ascii=False)
    if not kept.left_out and _is_grammar_accept_string(grammar, text):
        assert Draft202012Validator(whole).is_valid({"at": value})


def test_the_tools_that_ship_have_the_grammar_that_they_had() -> None:
    for tool in SHIPPED:
        for schema in (call_schema([tool]), calls_schema([tool])):
            assert flatten(schema) == schema
            assert compiled(schema)[1] == Kept([])


@pytest.mark.parametrize(
    ("schema", "value", "other"),
    [
        ({"type": "object"}, {"any": [1]}, 1),
        ({"type": "array"}, [1, "a"], {}),
        ({"type": "array", "maxItems": 2}, [1, "a"], [1, 2, 3]),
        ({"type": "object", "required": ["a"]}, {"a": [1]}, {}),
        ({"type": "object", "minProperties": 1}, {"a": 1}, {}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, 1),
        ({"type": ["string", "null"]}, None, 1),
        ({"oneOf": [{"type": "integer"}, ADDRESS]}, {"city": "Bern"}, {}),
        ({"allOf": [ADDRESS], "description": "where"}, {"city": "Bern"}, {}),
        (
            {"allOf": [ADDRESS, {"properties": {"zip": {"type": "integer"}}}]},
            {"city": "B", "zip": 1},
            {"zip": 1},
        ),
        ({**ADDRESS, "anyOf": [{"required": ["zip"]}, {"required": ["city"]}]}, {"city": "B"}, {"city": 1}),
        ({"const": {"a": [1, 2]}}, None, {"a": 1}),
        ({"type": "array", "prefixItems": [{"type": "integer"}], "items": False}, [1], ["a"]),
    ],
    ids=str,
)
def test_unions_and_free_forms_are_held(schema: dict[str, Any], value: Any, other: Any) -> None:
    assert compiled(schema)[1] == Kept([])
    assert value is None or takes(schema, value)
    assert value is not None or not takes(schema, 7)
    assert not takes(schema, other)


@pytest.mark.parametrize(
    ("schema", "refused"),
    [
        ({"type": "string", "not": {"const": "a"}}, "a"),
        ({"type": "integer", "if": {"minimum": 5}, "then": {"maximum": 6}}, 7),
        ({"type": "object", "additionalProperties": True, "dependentRequired": {"a": ["b"]}}, {"a": 1}),
        (
            {"type": "object", "additionalProperties": True, "dependentSchemas": {"a": {"required": ["b"]}}},
            {"a": 1},
        ),
        ({"type": "array", "contains": {"type": "string"}}, [1]),
        ({"type": "array", "uniqueItems": True}, [1, 1]),
        ({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]}, 7),
        ({"type": "string", "pattern": "^(?!a)[a-z]*$"}, "abc"),
        ({"type": "string", "pattern": "^[a-z]*$", "maxLength": 2}, "abc"),
    ],
    ids=str,
)
def test_what_a_grammar_lets_through_is_named(schema: dict[str, Any], refused: Any) -> None:
    assert not Draft202012Validator(schema).is_valid(refused)
    assert takes(schema, refused)
    [(place, keyword)] = compiled(schema)[1].left_out
    assert place == "$"
    assert keyword in schema
    assert keyword in {*IGNORED, "oneOf", "pattern", "maxLength"}


@pytest.mark.parametrize(
    ("part", "keyword"),
    [
        ({"type": "string", "pattern": r"\bfoo\b"}, "pattern"),
        ({"type": "string", "pattern": r"^(a)\1$"}, "pattern"),
        ({"type": "string", "pattern": "(?<=a)b"}, "pattern"),
        ({"type": "array", "items": {"type": "string", "pattern": r"^(a)\1$"}}, "pattern"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum"),
        (False, "false"),
    ],
    ids=str,
)
def test_a_keyword_without_a_grammar_is_left_out_alone(part: Any, keyword: str) -> None:
    schema = {"type": "object", "properties": {"a": part, "b": {"type": "integer"}}, "required": ["b"]}
    [(place, found)] = compiled(schema)[1].left_out
    assert (place.removesuffix(".items"), found) == ("$.properties.a", keyword)
    assert takes(schema, {"b": 1})
    assert not takes(schema, {"b": "x"})


def test_a_schema_is_examined_in_a_process_of_its_own() -> None:
    lost = {"type": "object", "properties": {"at": {"$ref": "#/$defs/A"}}}
    found = examine({"good": ADDRESS, "odd": {"type": "object", "not": {}}, "lost": lost})
    assert found["good"] == Kept([])
    assert found["odd"] == Kept([("$", "not")])
    assert found["lost"].left_out, "a reference that nobody wrote out"


def test_a_compiler_that_dies_is_that_schemas_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "print('ready'); print('[\"a\", [], \"\"]', flush=True); import os; os.abort()"
    monkeypatch.setattr(schema_grammar, "_CHILD", code)
    found = examine({"a": {"type": "object"}, "b": {}, "c": {}})
    assert found["a"] == Kept([])
    assert "exit code -6" in found["b"].fault
    assert "c" not in found


def test_a_compiler_that_comes_to_no_end_is_that_schemas_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("python", 1.0, b'ready\n["a", [], ""]\n')

    monkeypatch.setattr(subprocess, "run", hang)
    found = examine({"a": {"type": "object"}, "b": {"type": "string"}})
    assert found == {"a": Kept([]), "b": Kept([], "its grammar takes too long")}


def test_where_the_compiler_is_not_installed_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_grammar, "_CHILD", "import nothing_of_this_name")
    assert examine({"a": {"title": "not installed"}}) == {}
