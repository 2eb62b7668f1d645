"""The tasks with tools of their own keep the rules that `data/README.md` states."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from factory.chat_formats.control_token import control_token
from factory.system.digest import canonical_json
from tests.support.data_rows import DATA, Row, for_each, language_of, read
from tests.support.dates_and_times import dates, times
from tests.support.seeds import require_seeds
from tests.support.written import leaks, near_pairs, repeated

SEEDS, HELD_OUT = read("functions/functions.jsonl"), read("functions/held_out.jsonl")
ALL = SEEDS + HELD_OUT
NEW_IN_HELD_OUT = {
    "borrow_book",
    "log_meal",
    "make_password",
    "print_document",
    "resize_image",
    "water_garden",
}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
each_task = for_each(ALL)


def query_of(row: Row) -> str:
    return row["query"]


def answers_of(row: Row) -> str:
    return canonical_json([row["answers"]] if row["answers"] else [])


def offered(row: Row) -> dict[str, dict[str, Any]]:
    return {tool["name"]: tool["parameters"] for tool in row["tools"]}


def is_said(query: str, value: Any, schema: dict[str, Any]) -> bool:
    """Whether a query says an argument: numbers and texts as they are, dates and times in any of their ways;
    a choice or a yes or no may be worded."""
    if isinstance(value, bool) or "enum" in schema:
        return True
    if isinstance(value, list):
        return all(is_said(query, item, schema["items"]) for item in value)
    if isinstance(value, int | float):
        return value in map(float, NUMBER.findall(query))
    return value in query or value in dates(query) or value in times(query)


@pytest.mark.parametrize(
    ("rows", "counts"),
    [(SEEDS, (47, 18, 7, 31, 12, 5)), (HELD_OUT, (39, 15, 6, 26, 10, 4))],
    ids=["seeds", "held-out"],
)
def test_a_quarter_is_parallel_and_a_tenth_needs_no_tool(rows: list[Row], counts: tuple[int, ...]) -> None:
    kinds = [(language, family) for language in ("en", "zh") for family in ("single", "parallel", "none")]
    assert Counter((row["language"], row["family"]) for row in rows) == dict(zip(kinds, counts, strict=True))


def test_a_tool_is_the_same_wherever_it_is_offered() -> None:
    specs: dict[str, set[str]] = {}
    for row in ALL:
        for tool in row["tools"]:
            specs.setdefault(tool["name"], set()).add(json.dumps(tool))
    assert len(specs) >= 40
    assert [name for name, written in specs.items() if len(written) > 1] == []


def test_six_tools_are_in_the_held_out_tasks_alone() -> None:
    seeds, held_out = (set().union(*map(offered, rows)) for rows in (SEEDS, HELD_OUT))
    assert held_out - seeds == NEW_IN_HELD_OUT
    called = {call["name"] for row in HELD_OUT for call in row["answers"]}
    assert called >= NEW_IN_HELD_OUT


def test_every_tool_of_the_seeds_is_called() -> None:
    assert {call["name"] for row in SEEDS for call in row["answers"]} == set().union(*map(offered, SEEDS))


def test_the_place_of_the_right_tool_tells_nothing() -> None:
    places = Counter(list(offered(row)).index(row["answers"][0]["name"]) for row in ALL if row["answers"])
    assert max(places.values()) <= 0.5 * places.total()


def test_ids_are_unique() -> None:
    assert repeated(ALL) == []


@each_task
def test_fields(row: Row) -> None:
    assert set(row) == {"id", "language", "family", "query", "tools", "answers"}
    assert re.fullmatch(rf"{'func' if row in SEEDS else 'held-func'}-{row['language']}-\d{{3}}", row["id"])
    assert row["family"] == ("none", "single", "parallel")[min(len(row["answers"]), 2)]
    assert row["language"] == language_of(row["query"])
    assert not control_token(row["query"])


@each_task
def test_two_to_four_tools_are_offered(row: Row) -> None:
    assert 2 <= len(offered(row)) == len(row["tools"]) <= 4
    for tool in row["tools"]:
        assert set(tool) == {"name", "description", "parameters"}
        Draft202012Validator.check_schema(tool["parameters"])
        assert tool["parameters"]["additionalProperties"] is False


@each_task
def test_every_call_fits_the_schema_of_a_tool_that_is_offered(row: Row) -> None:
    for call in row["answers"]:
        assert set(call) == {"name", "arguments"}
        Draft202012Validator(offered(row)[call["name"]]).validate(call["arguments"])


@each_task
def test_every_argument_is_said_in_the_query(row: Row) -> None:
    for call in row["answers"]:
        properties = offered(row)[call["name"]]["properties"]
        for name, value in call["arguments"].items():
            assert is_said(row["query"], value, properties[name]), f"{name}: {value}"


@pytest.mark.parametrize("name", ["functions", "held_out"])
def test_the_file_is_read_as_xlam(name: str) -> None:
    path = DATA / "functions" / f"{name}.jsonl"
    seeds = require_seeds(path, "tool_call")
    assert [(seed.name, seed.question, seed.reference, seed.language, seed.family) for seed in seeds] == [
        (row["id"], row["query"], answers_of(row), row["language"], row["family"])
        for row in read(f"functions/{name}.jsonl")
    ]


def test_no_two_queries_are_near() -> None:
    assert near_pairs(ALL, query_of) == []


def test_no_held_out_query_has_leaked_into_the_seeds() -> None:
    assert leaks(SEEDS, HELD_OUT, query_of, answers_of) == []


def test_no_held_out_call_is_made_by_a_seed() -> None:
    seeds, held_out = (
        {canonical_json(call) for row in rows for call in row["answers"]} for rows in (SEEDS, HELD_OUT)
    )
    assert seeds & held_out == set()
