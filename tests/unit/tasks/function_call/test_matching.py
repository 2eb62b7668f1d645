"""Calls are right by the rules of BFCL's checker; `python -m bench.bfcl_score` compares it with that checker
on 56,000 answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.seeds.offered import allowed_calls, fitting_calls, offered_tools, read_tools_text, tools_text
from factory.tasks.function_call.matching import are_right, normal_form, plain_calls, possible_answers
from tests.support.functions import FORECAST, LAMP, ROUTE, Call, call

TYPED = {
    "name": "f",
    "description": "Any.",
    "parameters": {
        "type": "dict",
        "properties": {
            "text": {"type": "string"},
            "whole": {"type": "integer"},
            "real": {"type": "float"},
            "truth": {"type": "boolean"},
            "texts": {"type": "array", "items": {"type": "string"}},
            "reals": {"type": "tuple", "items": {"type": "float"}},
            "object": {"type": "dict"},
            "objects": {"type": "array", "items": {"type": "dict"}},
            "anything": {"type": "any"},
        },
        "required": [],
    },
}
SPECS = read_tools_text(tools_text(offered_tools([TYPED])))


def allows(allowed: dict[str, Any], **given: Any) -> bool:
    reference = allowed_calls([{"f": allowed}], list(SPECS))
    return are_right([call("f", **given)], reference, SPECS)


@pytest.mark.parametrize(
    ("name", "allowed", "right", "wrong"),
    [
        ("text", ["New York"], ["new york", "NewYork", "new-york.", "NEW_YORK"], ["York!", "York", "", 5]),
        ("text", ["it's"], ['IT"S', "it's"], ["its"]),
        ("text", ["a", "b"], ["A", "b"], ["c", "ab"]),
        ("text", [True], [True], ["True", "true", False]),  # a reference that goes against its schema
        ("whole", [5], [5], [5.0, "5", True, None, [5], 6, 10**400]),
        ("whole", ["n"], ["n"], [5, "m", "N"]),  # a variable's name is one as it stands
        ("real", [5.0], [5, 5.0], ["5.0", True, 5.5, 10**400]),
        ("real", [5], [5, 5.0], ["5"]),
        ("real", [None], [None], [0.0, "null"]),
        ("truth", [True], [True], [1, "true", False]),
        ("texts", [["a B", "c"]], [["AB", "C."]], [["c", "a B"], ["a B"], "a B", [["a B", "c"]], []]),
        ("texts", [""], [[]], [["a"]]),
        ("reals", [[3, 4]], [[3.0, 4.0], [3, 4]], [[4, 3], [3, "4"], [3]]),
        ("reals", [[0.5, 4.5]], [[0.5, 4.5]], [[1, 4.5]]),
        ("object", [{"a": [1, 2], "b": ["x", ""]}], [{"a": 1}, {"a": 2, "b": "X"}],
            [{}, {"b": "x"}, {"a": 3}, {"a": 1, "c": 1}, [], "x"]),
        ("object", ["", {"a": [1]}], [{"a": 1}], [{}]),
        ("objects", [[{"a": [1]}, {"b": ["x"]}]], [[{"a": 1}, {"b": "X"}]],
            [[{"b": "x"}, {"a": 1}], [{"a": 1}], [], {"a": 1}]),
        ("anything", ["x"], ["X"], [1, ["x"]]),
        ("anything", [7], [7], ["7", 7.0]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_value_is_compared_as_its_type_is(
    name: str, allowed: list[Any], right: list[Any], wrong: list[Any]
) -> None:
    assert [value for value in right if not allows({name: allowed}, **{name: value})] == []
    assert [value for value in wrong if allows({name: allowed}, **{name: value})] == []


def test_what_may_be_left_out_is_written_or_not() -> None:
    allowed = {"text": ["a"], "whole": [1, ""]}
    assert allows(allowed, text="a") and allows(allowed, text="a", whole=1)
    assert not allows(allowed, text="a", whole=2)
    assert not allows(allowed, whole=1)
    assert not allows(allowed, text="a", real=1.0)  # it is in no possible answer
    assert not allows(allowed, text="a", unknown=1)


def test_a_required_argument_is_required_whatever_is_allowed() -> None:
    specs = tuple(offered_tools([ROUTE]))
    reference = allowed_calls([{"maps.route": {"to": ["Rome", ""]}}], list(specs))
    assert are_right([call("maps_route", to="rome")], reference, specs)
    assert not are_right([call("maps_route")], reference, specs)


HALL, ATTIC = call("switch_lamp", room="hall", on=True), call("switch_lamp", room="attic", on=False)
LAMPS = tuple(offered_tools([LAMP, FORECAST]))


def test_parallel_calls_come_in_any_order_and_each_once() -> None:
    reference = fitting_calls([[HALL, ATTIC]], list(LAMPS))
    assert are_right([HALL, ATTIC], reference, LAMPS) and are_right([ATTIC, HALL], reference, LAMPS)
    for calls in ([HALL], [HALL, HALL], [HALL, ATTIC, ATTIC], []):
        assert not are_right(calls, reference, LAMPS)
    assert are_right([], "[]", LAMPS) and not are_right([HALL], "[]", LAMPS)


def test_each_possible_answer_takes_the_first_call_that_fits() -> None:
    # The checker does not look for the one pairing that works, and neither do we.
    answers = [{"f": {"text": ["a", "b"]}}, {"f": {"text": ["a"]}}]
    reference = allowed_calls(answers, list(SPECS))
    a, b = call("f", text="a"), call("f", text="b")
    assert are_right([b, a], reference, SPECS) and not are_right([a, b], reference, SPECS)


def test_a_default_may_be_written_or_left_out() -> None:
    short, long = call("get_forecast", city="Oslo"), call("get_forecast", city="oslo", days=3)
    for reference in (fitting_calls([[short]], list(LAMPS)), fitting_calls([[long]], list(LAMPS))):
        assert are_right([short], reference, LAMPS) and are_right([long], reference, LAMPS)
        assert not are_right([call("get_forecast", city="Oslo", days=4)], reference, LAMPS)
    four = fitting_calls([[call("get_forecast", city="Oslo", days=4)]], list(LAMPS))
    assert not are_right([short], four, LAMPS)
    assert normal_form([short], LAMPS) == normal_form([long], LAMPS)


def test_a_votes_form_is_that_of_what_is_said() -> None:
    assert normal_form([HALL, ATTIC], LAMPS) == normal_form([ATTIC, HALL], LAMPS)
    assert normal_form([call("f", text="New York", real=5.0)], SPECS) == normal_form(
        [call("f", real=5, text="new york.")], SPECS
    )
    assert normal_form([call("f", text="a")], SPECS) != normal_form([call("f", text="b")], SPECS)


def test_a_reference_says_which_form_it_has() -> None:
    plain, allowed = (
        fitting_calls([[HALL]], list(LAMPS)),
        allowed_calls([{"f": {"text": ["a"]}}], list(SPECS)),
    )
    assert plain_calls(plain) == [HALL] and plain_calls("[]") == [] and plain_calls(allowed) is None
    assert possible_answers(allowed, SPECS)[0].allowed == {"text": ["a"]}


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(max_size=8),
    "whole": st.integers(-(10**9), 10**9),
    "real": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "truth": st.booleans(),
    "texts": st.lists(st.text(max_size=4), max_size=3),
    "reals": st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=3),
    "object": st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3),
    "objects": st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), max_size=2),
}
CALLS = st.lists(
    st.fixed_dictionaries({}, optional=VALUES).map(lambda arguments: call("f", **arguments)),
    max_size=3,
    unique_by=lambda one: json.dumps(one, sort_keys=True),
)


@given(CALLS)
def test_the_calls_of_a_reference_are_right(calls: list[Call]) -> None:
    reference = fitting_calls([calls] if calls else [], list(SPECS))
    assert are_right(calls, reference, SPECS)
    assert not are_right([*calls, call("f", whole=-1)], reference, SPECS)


@given(CALLS, st.recursive(st.none() | st.integers() | st.text(max_size=3), st.lists, max_leaves=3))
def test_no_value_is_an_exception(calls: list[Call], value: Any) -> None:
    reference = fitting_calls([calls] if calls else [], list(SPECS))
    for name in VALUES:
        bent = [one | {"arguments": one["arguments"] | {name: value}} for one in calls]
        assert are_right(bent, reference, SPECS) in (True, False)
        allowed = allowed_calls([{"f": {name: [value]}}], list(SPECS))
        assert are_right([call("f", **{name: value})], allowed, SPECS) in (True, False)
