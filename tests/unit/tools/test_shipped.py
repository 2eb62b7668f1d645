"""The shipped tools agree with the specs that models are given, refuse what does not fit, and know two
spellings of the same call."""

from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.system.digest import content_id
from factory.tools.date_calculator import Calculation
from factory.tools.errors import Reason, ToolError
from factory.tools.load import load_tools
from factory.tools.registry import TOOL_NAMES, canonical_arguments, run_tool
from factory.tools.table_lookup import Column, Filter, Lookup
from factory.tools.text_tool import TextWork
from factory.tools.train_timetable import STATIONS
from factory.tools.unit_converter import UNITS

SPECS = {spec.name: spec for spec in load_tools(Path(__file__).parents[3] / "data" / "tools" / "tools.json")}


def enum(tool: str, *path: str) -> list[str]:
    part: Any = SPECS[tool].function.parameters["properties"]
    for step in path:
        part = part[step]
    return part["enum"]


def choices(model: type[Any], field: str) -> list[str]:
    annotation = model.model_fields[field].annotation
    return [
        choice
        for part in (annotation, *get_args(annotation))
        for choice in get_args(part)
        if isinstance(choice, str)
    ]


def test_every_tool_has_its_spec_and_the_same_choices() -> None:
    assert sorted(SPECS) == list(TOOL_NAMES)
    assert all(spec.function.parameters["additionalProperties"] is False for spec in SPECS.values())
    assert enum("unit_converter", "from_unit") == enum("unit_converter", "to_unit") == list(UNITS)
    assert enum("train_timetable", "from_station") == enum("train_timetable", "to_station") == list(STATIONS)
    assert enum("text_tool", "operation") == choices(TextWork, "operation")
    assert enum("date_calculator", "operation") == choices(Calculation, "operation")
    assert enum("date_calculator", "unit") == choices(Calculation, "unit")
    assert enum("table_lookup", "aggregate") == choices(Lookup, "aggregate")
    assert (
        enum("table_lookup", "column")
        == enum("table_lookup", "filters", "items", "properties", "column")
        == list(get_args(Column))
    )
    assert enum("table_lookup", "filters", "items", "properties", "operator") == choices(Filter, "operator")


DEEP: Any = 0
for _ in range(2000):
    DEEP = [DEEP]
U = {"value": 1, "from_unit": "metre", "to_unit": "mile"}
D = {"operation": "add", "date": "2024-01-01", "amount": 1, "unit": "day"}
T = {"operation": "reverse", "text": "abc"}
L = {
    "column": "price",
    "aggregate": "sum",
    "filters": [{"column": "stock", "operator": "equals", "value": 1}],
}
J = {"from_station": "Harbour", "to_station": "Summit"}

HOSTILE: list[tuple[str, Any, str]] = [
    *((name, {}, "bad_arguments") for name in TOOL_NAMES),
    *((name, {"a": DEEP}, "bad_arguments") for name in TOOL_NAMES),
    *((name, {"\ud800": "\x1b[2J"}, "bad_arguments") for name in TOOL_NAMES),
    *(
        ("unit_converter", U | {"value": value}, "bad_arguments")
        for value in ("1", None, True, [1], float("nan"), float("inf"), -float("inf"))
    ),
    *(
        ("unit_converter", U | {"value": value}, "out_of_range")
        for value in (10**15, -(10**15), 10**5000, 1e300, 1e-300, 5e-324)
    ),
    ("unit_converter", U | {"from_unit": "terabyte", "to_unit": "bit", "value": 1e14}, "out_of_range"),
    ("unit_converter", U | {"value": 1e-15, "from_unit": "bit", "to_unit": "terabyte"}, "out_of_range"),
    ("unit_converter", U | {"to_unit": "gram"}, "incompatible_units"),
    ("unit_converter", U | {"to_unit": "celsius"}, "incompatible_units"),
    ("unit_converter", U | {"from_unit": "m"}, "bad_arguments"),
    ("unit_converter", U | {"from_unit": "__class__"}, "bad_arguments"),
    ("unit_converter", U | {"from_unit": "x" * 10**6}, "bad_arguments"),
    ("unit_converter", U | {"places": 2}, "bad_arguments"),
    ("unit_converter", {"value": -274, "from_unit": "celsius", "to_unit": "kelvin"}, "out_of_range"),
    *(
        ("date_calculator", D | {"date": day}, "bad_arguments")
        for day in (
            "2023-02-29",
            "0000-01-01",
            "10000-01-01",
            "-001-01-01",
            "01/02/2024",
            "today",
            "",
            "２０２４-01-01",
            "2024-01-01T00:00",
            "9" * 10**6,
        )
    ),
    ("date_calculator", D | {"date": 20240101}, "bad_arguments"),
    *(
        ("date_calculator", D | {"amount": amount}, "bad_arguments")
        for amount in (1.5, "1", True, 10**7, 10**5000, float("nan"), 1e300)
    ),
    ("date_calculator", D | {"unit": "hour"}, "bad_arguments"),
    ("date_calculator", D | {"other_date": "2024-01-02"}, "bad_arguments"),
    ("date_calculator", {"operation": "difference", "date": "2024-01-02"}, "bad_arguments"),
    ("date_calculator", {"operation": "weekday", "date": "2024-01-02", "amount": 1}, "bad_arguments"),
    ("date_calculator", {"operation": "__init__", "date": "2024-01-02"}, "bad_arguments"),
    ("date_calculator", D | {"amount": 10**6, "unit": "year"}, "out_of_range"),
    ("date_calculator", D | {"amount": -(10**6), "unit": "week"}, "out_of_range"),
    ("date_calculator", D | {"date": "9999-12-31"}, "out_of_range"),
    ("date_calculator", D | {"date": "0001-01-31", "amount": -1, "unit": "month"}, "out_of_range"),
    *(
        ("text_tool", T | {"text": said}, "bad_arguments")
        for said in ("", "  \n", "a" * 10_001, "a" * 10**7, "a\ud800", 5, None, ["a"])
    ),
    ("text_tool", T | {"letter": "a"}, "bad_arguments"),
    ("text_tool", T | {"operation": "count_letter"}, "bad_arguments"),
    ("text_tool", T | {"operation": "count_letter", "letter": "ab"}, "bad_arguments"),
    ("text_tool", T | {"operation": "format"}, "bad_arguments"),
    ("table_lookup", L | {"column": "price FROM product; --"}, "bad_arguments"),
    ("table_lookup", L | {"column": "position"}, "bad_arguments"),
    ("table_lookup", L | {"aggregate": "median"}, "bad_arguments"),
    ("table_lookup", L | {"column": "product"}, "bad_arguments"),
    ("table_lookup", L | {"sql": "SELECT 1"}, "bad_arguments"),
    ("table_lookup", L | {"filters": "stock = 1"}, "bad_arguments"),
    ("table_lookup", L | {"filters": L["filters"] * 5}, "bad_arguments"),
    *(
        (
            "table_lookup",
            L | {"filters": [{"column": "stock", "operator": "equals", "value": 1} | change]},
            "bad_arguments",
        )
        for change in (
            *(
                {"value": value}
                for value in ("1", True, None, [1], {}, 10**10, 10**5000, 1e300, float("nan"), float("inf"))
            ),
            {"operator": "= 1 OR 1"},
            {"column": "1"},
            {"column": "product"},
            {"column": "product", "value": "tea", "operator": "less_than"},
            {"column": "product", "value": "a" * 101},
            {"column": "product", "value": "\udfff"},
            {"also": 1},
        )
    ),
    ("table_lookup", L | {"filters": [{"column": "stock", "operator": "equals", "value": 1}]}, "not_found"),
    *(
        ("train_timetable", J | {"depart_after": time}, "bad_arguments")
        for time in ("24:00", "12:60", "12", "", "ab:cd", "1:2", "²:00", "٠٨:٠٠", 8, "-1:00")
    ),
    *(
        ("train_timetable", J | {"limit": limit}, "bad_arguments")
        for limit in (0, 6, -1, 1.5, True, 10**5000, "1")
    ),
    ("train_timetable", J | {"to_station": "Harbour"}, "bad_arguments"),
    ("train_timetable", J | {"to_station": "HARBOUR"}, "bad_arguments"),
    ("train_timetable", J | {"to_station": "../../etc/passwd"}, "bad_arguments"),
    ("train_timetable", J | {"depart_after": "23:59"}, "not_found"),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "arguments", "reason"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_arguments_are_refused_with_a_reason(name: str, arguments: Any, reason: str) -> None:
    with pytest.raises(ToolError) as caught:
        run_tool(name, arguments)
    assert caught.value.reason == reason
    assert caught.value.reason in get_args(Reason)
    assert len(caught.value.message) < 1000
    caught.value.message.encode("utf-8")
    assert "\x1b" not in caught.value.message


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(TOOL_NAMES), st.data())
def test_any_arguments_are_answered_or_refused_and_have_a_canonical_form(
    name: str, data: st.DataObject
) -> None:
    keys = st.sampled_from(sorted(SPECS[name].function.parameters["properties"])) | st.text(max_size=5)
    arguments = data.draw(st.dictionaries(keys, JSON, max_size=5))
    with suppress(ToolError):
        run_tool(name, arguments)
    canonical = canonical_arguments(name, arguments)
    assert content_id(
        canonical_arguments(name, canonical) if isinstance(canonical, dict) else canonical
    ) == content_id(canonical)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("calculator", {"expression": "2+3 * (4)"}, {"expression": "2 + 3*4"}),
        (
            "unit_converter",
            U | {"value": 5.0, "from_unit": "METRE"},
            {"to_unit": "mile", "from_unit": "metre", "value": 5},
        ),
        ("date_calculator", D | {"date": "20240101", "amount": 14.0}, D | {"amount": 2, "unit": "week"}),
        ("date_calculator", D | {"amount": 2, "unit": "year"}, D | {"amount": 24, "unit": "month"}),
        (
            "text_tool",
            T | {"operation": "count_letter", "letter": "A"},
            T | {"operation": "count_letter", "letter": "a"},
        ),
        (
            "table_lookup",
            {"column": "price", "aggregate": "sum"},
            {"column": "price", "aggregate": "sum", "filters": []},
        ),
        (
            "table_lookup",
            L
            | {
                "filters": [
                    {"column": "stock", "operator": "equals", "value": 5.0},
                    {"column": "category", "operator": "equals", "value": "Tea"},
                ]
            },
            L
            | {
                "filters": [
                    {"operator": "equals", "column": "category", "value": "tea"},
                    {"column": "stock", "operator": "equals", "value": 5},
                ]
            },
        ),
        (
            "train_timetable",
            J | {"depart_after": "8:05"},
            J | {"depart_after": "08:05", "limit": 1.0, "to_station": "summit"},
        ),
        ("somebody's", {"a": [1.0, {"b": 2.0}]}, {"a": [1, {"b": 2}]}),
    ],
)
def test_calls_that_say_the_same_have_one_form(name: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert content_id(canonical_arguments(name, one)) == content_id(canonical_arguments(name, other))


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("unit_converter", U, U | {"value": 2}),
        ("unit_converter", U, U | {"from_unit": "yard"}),
        ("date_calculator", D, D | {"unit": "month"}),
        ("date_calculator", D | {"date": "2024-02-30"}, D | {"date": "2024-02-31"}),
        ("text_tool", T, T | {"text": "Abc"}),
        ("table_lookup", L, L | {"filters": []}),
        ("train_timetable", J, {"from_station": "Summit", "to_station": "Harbour"}),
    ],
)
def test_calls_that_say_something_else_have_another_form(
    name: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert content_id(canonical_arguments(name, one)) != content_id(canonical_arguments(name, other))
