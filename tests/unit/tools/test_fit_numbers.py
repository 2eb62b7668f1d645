"""A whole number reaches a tool as an integer where its schema wants one, and nothing else is changed."""

from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from factory.tools.arguments import fit_numbers
from factory.tools.sandbox import CustomTools
from tests.support.custom_tools import LIMITS, spec
from tests.support.schemas import plain, values

INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "given", "fitted"),
    [
        (INTEGER, 5.0, 5),
        ({"type": ["integer", "null"]}, 5.0, 5),
        ({"type": "array", "items": INTEGER}, [1.0, 2], [1, 2]),
        ({"type": "array", "prefixItems": [INTEGER], "items": {"type": "number"}}, [1.0, 1.0], [1, 1.0]),
        ({"type": "object", "properties": {"a": INTEGER}}, {"a": 2.0, "b": 2.0}, {"a": 2, "b": 2.0}),
        ({"type": "object", "additionalProperties": INTEGER}, {"a": 2.0}, {"a": 2}),
        ({"anyOf": [INTEGER, {"type": "null"}]}, 3.0, 3),
        ({"anyOf": [INTEGER, {"type": "number"}]}, 3.0, 3.0),
        ({"allOf": [INTEGER, {"minimum": 1}]}, 3.0, 3),
        ({"enum": [1, 2.5]}, 1.0, 1),
        ({"enum": [1.0]}, 1.0, 1.0),
        ({"type": "number"}, 5.0, 5.0),
        ({}, 5.0, 5.0),
        (INTEGER, -0.0, 0),
    ],
)
def test_a_whole_number_is_what_its_schema_wants(schema: Any, given: Any, fitted: Any) -> None:
    found = fit_numbers(given, schema)
    assert (found, repr(found)) == (fitted, repr(fitted))


@given(plain, values)
def test_what_fits_a_schema_fits_it_still(schema: Any, value: Any) -> None:
    fitted = fit_numbers(value, schema)
    assert fitted == value
    validator = Draft202012Validator(schema)
    assert validator.is_valid(fitted) == validator.is_valid(value)


def test_a_persons_function_gets_an_integer(tmp_path: Any) -> None:
    path = tmp_path / "own.py"
    path.write_text("def repeat_word(word, times): return [word for _ in range(times)]\n")
    tool = spec("repeat-word", word={"type": "string"}, times=INTEGER)
    with CustomTools(path, [tool], LIMITS) as own:
        assert own.run("repeat-word", {"word": "ab", "times": 3.0}) == '["ab","ab","ab"]'
