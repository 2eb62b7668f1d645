"""What strict_json lets through can always be written again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.digest import canonical_json
from factory.tasks.strict_json import MAX_DEPTH, strict_json

text = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | text, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=8
)


@given(values)
def test_what_is_json_comes_back(value: object) -> None:
    assert strict_json(json.dumps(value)) == value
    assert strict_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.text() | st.binary())
def test_any_text_is_a_value_or_a_value_error(anything: str | bytes) -> None:
    try:
        value = strict_json(anything)
    except ValueError:
        return
    assert strict_json(canonical_json(value)) == value


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        ('{"a": 1, "a": 1}', "twice"),
        ('[{"b": {"a": 1, "a": 2}}]', "twice"),
        ("[NaN]", "JSON"),
        ("-Infinity", "JSON"),
        ("1e999", "JSON"),
        ('{"a": -1e999}', "JSON"),
        ('"\\ud800"', "surrogates"),
        ('{"\\udfff": 1}', "surrogates"),
        ("9" * 5000, "digits"),
        ("[" * 2000 + "]" * 2000, "deeply"),
        ("[" * 1_000_000, "deeply"),
        ('{"a":' * 900 + "1" + "}" * 900, "deeply"),
        ("[1] [2]", "Extra data"),
        ("", "Expecting value"),
    ],
    ids=lambda value: value[:20],
)
def test_hostile(hostile: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        strict_json(hostile)


def test_the_depth_that_is_allowed() -> None:
    assert strict_json("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1))
    with pytest.raises(ValueError, match="deeply"):
        strict_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
