"""A schema whose references are written out, or whose parts are joined, takes the calls that the first took,
and no others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from factory.tools.schema import change_parts, join, parts, write_out
from factory.tools.words import to_json_schema
from tests.support.schemas import arguments, plain, referring, values

ADDRESS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def fits(schema: Any, value: Any) -> bool:
    return Draft202012Validator(schema).is_valid(value)


@given(referring(), arguments)
def test_what_is_written_out_takes_the_same_calls(schema: dict[str, Any], value: dict[str, Any]) -> None:
    written = write_out(schema)
    assert not any("$ref" in part for _, part in parts(written))
    assert fits(written, value) == fits(schema, value)


@given(plain, plain, values)
def test_what_is_joined_takes_what_both_take(one: Any, other: Any, value: Any) -> None:
    joined = join(one, other)
    if joined is not None:
        assert fits(joined, value) == (fits(one, value) and fits(other, value))


@given(plain)
def test_a_valid_schema_is_in_the_words_of_json_schema_already(schema: Any) -> None:
    assert to_json_schema(schema) == schema


def object_of(part: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"at": part}, **more}


@pytest.mark.parametrize(
    ("schema", "meant"),
    [
        # The case of the bug reports: Pydantic's and MCP's nested model.
        (object_of({"$ref": "#/$defs/A"}, **{"$defs": {"A": ADDRESS}}), ADDRESS),
        (object_of({"$ref": "#/definitions/A"}, definitions={"A": ADDRESS}), ADDRESS),
        (
            object_of({"type": "array", "items": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": ADDRESS}}),
            {"type": "array", "items": ADDRESS},
        ),
        (
            object_of({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}, **{"$defs": {"A": ADDRESS}}),
            {"anyOf": [ADDRESS, {"type": "null"}]},
        ),
        (
            object_of(
                {"$ref": "#/$defs/B"}, **{"$defs": {"A": ADDRESS, "B": object_of({"$ref": "#/$defs/A"})}}
            ),
            object_of(ADDRESS),
        ),
        (
            object_of({"$ref": "#/$defs/A", "description": "where to"}, **{"$defs": {"A": ADDRESS}}),
            ADDRESS | {"description": "where to"},
        ),
        (
            object_of({"$ref": "#here"}, **{"$defs": {"A": {"$anchor": "here", "type": "string"}}}),
            {"$anchor": "here", "type": "string"},
        ),
        (object_of({"$ref": "#/$defs/a~1b"}, **{"$defs": {"a/b": {"type": "string"}}}), {"type": "string"}),
        (
            object_of(
                {"$ref": "#/$defs/A", "additionalProperties": False, "properties": {"city": True}},
                **{"$defs": {"A": ADDRESS}},
            ),
            {"properties": {"city": True}, "additionalProperties": False, "allOf": [ADDRESS]},
        ),
        # Names as generic models of Pydantic have them, and as .NET writes them in a URL.
        (object_of({"$ref": "#/$defs/Page[A]"}, **{"$defs": {"Page[A]": ADDRESS}}), ADDRESS),
        (object_of({"$ref": "#/$defs/My%20Type"}, **{"$defs": {"My Type": ADDRESS}}), ADDRESS),
        (
            object_of(
                {"$ref": "#/$defs/Colour", "default": "red"}, **{"$defs": {"Colour": {"enum": ["red"]}}}
            ),
            {"enum": ["red"], "default": "red"},
        ),
        (object_of({"$ref": "#/$defs/Any"}, **{"$defs": {"Any": True}}), True),
    ],
)
def test_a_reference_is_what_it_means(schema: dict[str, Any], meant: dict[str, Any]) -> None:
    assert write_out(schema) == object_of(meant)


@pytest.mark.parametrize(
    "reference",
    ["#/properties/home", "#/properties/stops/items", "#/properties/trip/properties/end"],
)
def test_a_reference_may_point_at_another_argument(reference: str) -> None:
    # Zod's, and so most MCP servers' in TypeScript: no definitions, the first use is the definition.
    stops = {"type": "array", "items": ADDRESS}
    properties = {"home": ADDRESS, "stops": stops, "trip": object_of(True) | {"properties": {"end": ADDRESS}}}
    schema = {"type": "object", "properties": properties | {"at": {"$ref": reference}}}
    assert write_out(schema) == {"type": "object", "properties": properties | {"at": ADDRESS}}


@pytest.mark.parametrize(
    "schema",
    [
        object_of({"$ref": "#"}),
        object_of({"$ref": "#/$defs/A"}, **{"$defs": {"A": object_of({"$ref": "#/$defs/A"})}}),
        object_of(
            {"$ref": "#/$defs/A"},
            **{
                "$defs": {
                    "A": {"type": "array", "items": {"$ref": "#/$defs/B"}},
                    "B": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]},
                }
            },
        ),
        object_of({"$ref": "#/properties/at"}),
    ],
)
def test_a_schema_without_a_last_level_is_refused_with_its_reference(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="leads back to itself") as caught:
        write_out(schema)
    assert "'#" in str(caught.value)


def test_references_that_would_fill_the_memory_are_refused() -> None:
    defined: dict[str, Any] = {"D0": {"type": "string"}}
    for level in range(1, 40):
        part = {"$ref": f"#/$defs/D{level - 1}"}
        defined[f"D{level}"] = {"type": "object", "properties": {"a": part, "b": part}}
    with pytest.raises(ValueError, match="more than 5,000 parts"):
        write_out(object_of({"$ref": "#/$defs/D39"}, **{"$defs": defined}))


def test_a_schema_without_references_stays_the_same_object() -> None:
    schema = object_of(ADDRESS, **{"$defs": {"unused": {"type": "string"}}})
    assert write_out(schema) is schema


def test_only_keywords_are_walked() -> None:
    schema = {
        "properties": {"type": {"type": "dict"}, "$ref": {"type": "string"}},
        "default": {"type": "dict", "items": {"type": "dict"}},
        "enum": [{"type": "dict"}],
        "examples": [{"properties": {"a": {"type": "dict"}}}],
    }
    places = [place for place, _ in parts(schema)]
    assert places == ["$", "$.properties.type", "$.properties.$ref"]
    assert change_parts(schema, lambda part, _: to_json_schema(part)) == schema | {
        "properties": {"type": {"type": "object"}, "$ref": {"type": "string"}}
    }


@given(
    st.recursive(
        st.none() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["properties", "items", "anyOf", "a"]), inner)
        ),
        max_leaves=8,
    )
)
def test_whatever_is_no_schema_is_walked_without_an_exception(value: Any) -> None:
    list(parts(value))
    to_json_schema(value)
