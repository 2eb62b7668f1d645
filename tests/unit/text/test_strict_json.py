"""What strict_json lets through can always be written again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.system.digest import canonical_json
from factory.text.strict_json import MAX_DEPTH, JsonFault, strict_json

text = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=8,
)


@given(values)
def test_what_is_json_comes_back(value: object) -> None:
    assert strict_json(json.dumps(value)) == value
    assert strict_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.text() | st.binary())
def test_any_text_is_a_value_or_a_value_error(anything: str | bytes) -> None:
    try:
        value = strict_json(anything)
    except JsonFault:
        return
    assert strict_json(canonical_json(value)) == value


@pytest.mark.parametrize(
    ("hostile", "reason", "why"),
    [
        ('{"a": 1, "a": 1}', "not_json", "duplicated"),
        ('[{"b": {"a": 1, "a": 2}}]', "not_json", "duplicated"),
        ("[NaN]", "not_finite", "JSON"),
        ("-Infinity", "not_finite", "JSON"),
        ("1e999", "not_finite", "JSON"),
        ('{"a": -1e999}', "not_finite", "JSON"),
        ('"\\ud800"', "not_text", "surrogates"),
        ('{"\\udfff": 1}', "not_text", "surrogates"),
        ("9" * 5000, "not_json", "digits"),
        ("[" * 2000 + "]" * 2000, "too_deep", "deeply"),
        ("[" * 1_000_000, "too_deep", "deeply"),
        ('{"a":' * 900 + "1" + "}" * 900, "too_deep", "deeply"),
        ('{"a": [1, 2', "truncated_json", "delimiter"),
        ('["a\\u00', "truncated_json", "escape"),
        ("[1] [2]", "not_json", "Extra data"),
        ("[1 abc", "not_json", "delimiter"),
        ("[1, }", "not_json", "Expecting value"),
        ('{"a": 1} and "more', "not_json", "Extra data"),
        ("none", "not_json", "Expecting value"),
        ("", "not_json", "Expecting value"),
    ],
    ids=lambda value: value[:20],
)
def test_hostile(hostile: str, reason: str, why: str) -> None:
    with pytest.raises(JsonFault, match=why) as caught:
        strict_json(hostile)
    assert caught.value.reason == reason


@given(st.lists(values, min_size=1) | st.dictionaries(text, values, min_size=1), st.booleans(), st.data())
def test_the_beginning_of_a_value_is_told_as_such(value: object, ascii: bool, data: st.DataObject) -> None:
    written = json.dumps(value, ensure_ascii=ascii)
    with pytest.raises(JsonFault) as caught:
        strict_json(written[: data.draw(st.integers(1, len(written) - 1))])
    assert caught.value.reason == "truncated_json"


def test_the_depth_that_is_allowed() -> None:
    assert strict_json("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1))
    with pytest.raises(ValueError, match="deeply"):
        strict_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
