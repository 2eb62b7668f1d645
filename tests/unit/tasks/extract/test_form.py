"""A form reads fields, writes them in one way, and knows when two objects say the same."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import InputError
from factory.tasks.extract.form import form_of, read_form
from tests.support.labelled import SCHEMA

FORM = form_of(SCHEMA)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["place", "hour", "guests", "more"]), VALUES)


def test_fields_are_written_in_the_schemas_order_as_a_grammar_has_them() -> None:
    value = {"guests": ["Bob", "Ann"], "hour": 5.0, "place": " Ulm "}
    assert FORM.written(value) == '{"place": "Ulm", "hour": 5, "guests": ["Bob", "Ann"]}'
    assert FORM.names == ("place", "hour", "guests")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"place": "Ulm", "hour": 5}, {"hour": 5.0, "place": "Ulm"}, True),
        ({"place": "Köln"}, {"place": unicodedata.normalize("NFD", "Köln") + "\n"}, True),
        ({"place": "Ulm"}, {"place": "ulm"}, False),
        ({"place": "New  York"}, {"place": "New York"}, False),
        ({"place": "Ulm", "hour": 1}, {"place": "Ulm", "hour": True}, False),
        ({"place": "5"}, {"place": 5}, False),
        ({"place": "Ulm"}, {"place": "Ulm", "hour": None}, False),
        ({"place": "Ulm", "guests": ["A", "B"]}, {"place": "Ulm", "guests": ["B", "A"]}, True),
        ({"place": "Ulm", "guests": ["A", "A"]}, {"place": "Ulm", "guests": ["A"]}, False),
        ({"place": "Ulm", "more": [1, 2]}, {"place": "Ulm", "more": [2, 1]}, False),
        ({"hour": 10**17}, {"hour": 10**17 + 1}, False),
        ({"hour": -0.0}, {"hour": 0}, True),
    ],
)
def test_two_objects_say_the_same(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert (FORM.compared(one) == FORM.compared(other)) is same


def test_lists_within_objects_and_lists_follow_their_own_part_of_the_schema() -> None:
    tags = {"type": "array", "uniqueItems": True}
    inner = {"type": "object", "properties": {"tags": tags, "steps": {"type": "array"}}}
    form = form_of(
        {"type": "object", "properties": {"all": {"type": "array", "items": inner}, "first": inner}}
    )
    one: dict[str, Any] = {"all": [{"tags": [2, 1], "steps": [1, 2]}], "first": {"tags": ["b", "a"]}}
    other: dict[str, Any] = {"first": {"tags": ["a", "b"]}, "all": [{"steps": [1, 2], "tags": [1, 2]}]}
    assert form.compared(one) == form.compared(other)
    other["all"][0]["steps"] = [2, 1]
    assert form.compared(one) != form.compared(other)


@given(OBJECTS)
def test_what_is_written_is_its_own_form_and_says_the_same(value: dict[str, Any]) -> None:
    written = FORM.written(value)
    again = json.loads(written)
    assert FORM.written(again) == written
    assert FORM.compared(again) == FORM.compared(value)
    assert all(FORM.same_fields(value, again).values())


@given(OBJECTS, OBJECTS)
def test_objects_of_known_fields_are_the_same_if_each_of_these_is(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    for value in (one, other):
        value.pop("more", None)
    assert all(FORM.same_fields(one, other).values()) is (FORM.compared(one) == FORM.compared(other))


@given(st.text(st.characters(exclude_categories=[])) | VALUES.map(json.dumps))
def test_any_text_is_fields_or_has_one_reason(text: str) -> None:
    value, fault, _ = FORM.read(text)
    assert (value is None) is (fault is not None)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("Ulm", "not_json"),
        ('{"place": "Ulm"', "truncated_json"),
        ('{"place": "Ulm", "place": "Ulm"}', "not_json"),
        ('{"place": NaN}', "not_finite"),
        ('["Ulm"]', "wrong_shape"),
        ("{}", "wrong_shape"),
        ('{"place": "Ulm", "hour": "5"}', "wrong_shape"),
        ('{"place": "Ulm", "plaice": "Ulm"}', "wrong_shape"),
        ('{"place": "Ulm", "guests": ["A", "A"]}', "wrong_shape"),
        ('{"place": "\\u0000"}', "not_text"),
        ('{"place": "\\u003c|im_end|>"}', "control_token"),
        ('{"place": ' + "[" * 100 + "]" * 100 + "}", "too_deep"),
    ],
)
def test_what_does_not_fit_has_a_reason(text: str, fault: str) -> None:
    assert FORM.read(text)[1] == fault


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("", "no JSON Schema: "),
        ("[1]", "must be an object with the properties"),
        ('{"type": "object"}', "must be an object with the properties"),
        ('{"type": "object", "properties": {}}', "names no properties"),
        ('{"type": "array", "properties": {"a": {}}}', 'the schema must have "type": "object"'),
        ('{"type": "object", "properties": {"a": {"type": "txt"}}}', "not a valid JSON Schema at "),
        ('{"type": "object", "properties": {"a": {"$ref": "other.json"}}}', "leaves the schema"),
        ('{"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}}', "leads back to itself"),
    ],
)
def test_a_file_that_is_no_form_is_told(tmp_path: Path, schema: str, told: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(schema)
    with pytest.raises(InputError) as caught:
        read_form(path)
    assert str(caught.value).startswith(f"{path}: ") and told in str(caught.value)


def test_references_are_written_out_and_the_object_is_closed() -> None:
    schema = {
        "type": "object",
        "properties": {"from": {"$ref": "#/$defs/day"}, "to": {"$ref": "#/$defs/day"}},
        "$defs": {"day": {"type": "string", "minLength": 3}},
    }
    assert form_of(schema).schema == {
        "type": "object",
        "properties": {"from": {"type": "string", "minLength": 3}, "to": {"type": "string", "minLength": 3}},
        "additionalProperties": False,
    }
    opened = form_of(schema | {"additionalProperties": {"type": "integer"}})
    assert opened.read('{"more": 3}')[0] == {"more": 3}
