"""The tools' seeds and held-out tasks keep the rules that `data/README.md` states: every reference call
works, and no task is in both."""

import json
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest

from factory.chat_formats.control_token import control_token
from factory.system.digest import canonical_json
from factory.tools.load import load_tools
from factory.tools.registry import TOOL_NAMES, canonical_arguments, run_tool
from tests.support.data_rows import DATA, Row, for_each, read

SPECS = {spec.name: spec for spec in load_tools(DATA / "tools" / "tools.json")}
OWN_FAMILIES = set(TOOL_NAMES) - {"calculator"}
FAMILIES = OWN_FAMILIES | {"parallel", "multi-step", "no-tool"}
FIELDS = {"id", "language", "family", "question", "reference"}
NUMBER = re.compile(r"\d+(?:\.\d+)?")

SEEDS, HELD_OUT = read("seeds/tools.jsonl"), read("held_out/tools.jsonl")
each_task = for_each(SEEDS + HELD_OUT)


def calls(task: Row) -> list[dict[str, Any]]:
    return [call for step in task["reference"] for call in step]


def said(call: dict[str, Any]) -> str:
    return canonical_json([call["name"], canonical_arguments(call["name"], call["arguments"])])


def masked(task: Row) -> str:
    return re.sub(r"\s+", "", NUMBER.sub("#", task["question"])).casefold()


@cache
def results(text: str) -> list[list[str]]:
    return [[run_tool(call["name"], call["arguments"]) for call in step] for step in json.loads(text)]


def literals(value: Any) -> set[str]:
    """What a call says in its arguments: each text, each number, and each number within a text."""
    if isinstance(value, dict | list):
        return set().union(*map(literals, value.values() if isinstance(value, dict) else value), set())
    text = str(value)
    return {text, *NUMBER.findall(text)}


def stands_in(literal: str, text: str) -> bool:
    if NUMBER.fullmatch(literal):
        return literal in NUMBER.findall(text)
    return literal in text


def test_there_are_enough_of_each() -> None:
    families = Counter(task["family"] for task in SEEDS)
    assert all(families[family] >= 30 for family in FAMILIES)
    assert len(HELD_OUT) >= 96


@pytest.mark.parametrize("tasks", [SEEDS, HELD_OUT], ids=["seeds", "held-out"])
def test_every_family_is_there_in_both_languages(tasks: list[Row]) -> None:
    assert {(task["family"], task["language"]) for task in tasks} == {
        (family, language) for family in FAMILIES for language in ("en", "zh")
    }
    assert 0.6 <= sum(task["language"] == "en" for task in tasks) / len(tasks) <= 0.7


@pytest.mark.parametrize("tasks", [SEEDS, HELD_OUT], ids=["seeds", "held-out"])
def test_every_choice_of_a_tool_that_has_operations_is_asked_for(tasks: list[Row]) -> None:
    for name, key in (
        ("date_calculator", "operation"),
        ("text_tool", "operation"),
        ("table_lookup", "aggregate"),
    ):
        offered = SPECS[name].function.parameters["properties"][key]["enum"]
        assert {
            call["arguments"][key] for task in tasks for call in calls(task) if call["name"] == name
        } == set(offered)


def test_the_seeds_use_every_unit_column_operator_and_station() -> None:
    used = {literal for task in SEEDS for call in calls(task) for literal in literals(call["arguments"])}
    schema = SPECS["table_lookup"].function.parameters["properties"]["filters"]["items"]["properties"]
    stations = SPECS["train_timetable"].function.parameters["properties"]["from_station"]["enum"]
    assert set(stations) | set(schema["column"]["enum"]) | set(schema["operator"]["enum"]) <= used
    units = SPECS["unit_converter"].function.parameters["properties"]["from_unit"]["enum"]
    assert set(units) <= used


def test_ids_are_unique() -> None:
    assert [
        name for name, count in Counter(task["id"] for task in SEEDS + HELD_OUT).items() if count > 1
    ] == []


@each_task
def test_fields(task: Row) -> None:
    assert set(task) == FIELDS
    prefix = "tools" if task in SEEDS else "held-tools"
    assert re.fullmatch(rf"{prefix}-{task['language']}-\d{{3}}", task["id"])
    assert task["language"] == ("zh" if re.search(r"[\u4e00-\u9fff]", task["question"]) else "en")
    assert len(task["question"]) < 160
    assert control_token(task["question"]) is None


@each_task
def test_the_shape_is_that_of_the_family(task: Row) -> None:
    shape = [len(step) for step in task["reference"]]
    match task["family"]:
        case "no-tool":
            assert shape == []
        case "parallel":
            assert len(shape) == 1 and shape[0] >= 2
            assert len({said(call) for call in calls(task)}) == shape[0]
        case "multi-step":
            assert len(shape) >= 2
        case tool:
            assert shape == [1]
            assert calls(task)[0]["name"] == tool


@each_task
def test_every_reference_call_fits_its_schema_and_is_answered(task: Row) -> None:
    for call in calls(task):
        assert set(call) == {"name", "arguments"}
        assert SPECS[call["name"]].check_arguments(call["arguments"]) == []
    for result in sum(results(canonical_json(task["reference"])), []):
        assert result
        assert control_token(result) is None


@for_each([task for task in SEEDS + HELD_OUT if task["family"] == "multi-step"])
def test_a_later_step_takes_something_that_only_the_earlier_result_has(task: Row) -> None:
    answered = results(canonical_json(task["reference"]))
    for number, step in enumerate(task["reference"][1:]):
        for call in step:
            fed = {
                literal
                for literal in literals(call["arguments"])
                if any(stands_in(literal, result) for result in answered[number])
            }
            assert [literal for literal in fed if not stands_in(literal, task["question"])]


@each_task
def test_what_the_question_asks_for_is_not_invented(task: Row) -> None:
    """Each number and quoted text of the first step stands in the question, in digits and letters as they
    are."""
    question = task["question"]
    for call in task["reference"][0] if task["reference"] else []:
        for literal in literals(call["arguments"]):
            if NUMBER.fullmatch(literal) and call["name"] in ("unit_converter", "calculator", "table_lookup"):
                assert literal in question
        if call["name"] == "text_tool":
            assert call["arguments"]["text"] in question
            assert call["arguments"].get("letter", "") in question.casefold()


def test_no_wording_is_repeated() -> None:
    wordings = Counter(
        masked(task)
        for task in SEEDS + HELD_OUT + read("seeds/calculator.jsonl") + read("held_out/calculator.jsonl")
    )
    assert [wording for wording, count in wordings.items() if count > 1] == []


def test_no_held_out_task_makes_a_call_that_a_seed_makes() -> None:
    known = {said(call) for task in SEEDS for call in calls(task)}
    assert {
        task["id"]: [said(call) for call in calls(task) if said(call) in known]
        for task in HELD_OUT
        if known & set(map(said, calls(task)))
    } == {}
