"""The calculator's seeds and held-out tasks keep the rules that `data/README.md` states."""

import re
from collections import Counter
from itertools import combinations

import pytest

from factory.tools.calculator import evaluate
from factory.tools.load import load_tools
from tests.support.data_rows import DATA, Row, for_each, read

NUMBER = re.compile(r"\d+(?:\.\d+)?")
CONSTANTS = {"2", "3", "4", "7", "10", "60", "100"}
N = NUMBER.pattern
FORMS = {
    "percent": re.compile(rf"{N} \* (?:{N}|\(100 [+-] {N}\)) / 100"),
    "discount": re.compile(rf"{N} \* (?:{N} / 100?|\(100 - {N}\) / 100)|{N} - {N}"),
    "average": re.compile(rf"\({N}(?: \+ {N})+\) / [234]|{N} / {N}"),
    "area": re.compile(rf"{N} \*\* 2|{N} \* {N}(?: / 2)?"),
    "perimeter": re.compile(rf"2 \* \({N} \+ {N}\)|4 \* {N}|{N} \+ {N} \+ {N}"),
}
FIELDS = {"id", "language", "family", "question", "reference"}

SEEDS = read("seeds/calculator.jsonl")
HELD_OUT = read("held_out/calculator.jsonl")
CALCULATOR = load_tools(DATA / "tools" / "calculator.json")[0]
each_task = for_each(SEEDS + HELD_OUT)


def masked(task: Row) -> str:
    return re.sub(r"\s+", "", NUMBER.sub("#", task["question"])).casefold()


def number_pairs(task: Row) -> set[frozenset[str]]:
    """Return the unordered pairs of numbers in the reference, leaving out pairs of two constants."""
    asked = set(NUMBER.findall(task["question"]))
    pairs = combinations(sorted(set(NUMBER.findall(task["reference"]))), 2)
    return {frozenset(pair) for pair in pairs if asked & set(pair)}


def test_there_are_enough() -> None:
    assert len(SEEDS) >= 400
    assert len(HELD_OUT) >= 120


@pytest.mark.parametrize("tasks", [SEEDS, HELD_OUT], ids=["seeds", "held-out"])
def test_the_mix_of_languages_and_of_plain_expressions(tasks: list[Row]) -> None:
    english = sum(task["language"] == "en" for task in tasks)
    plain = sum(task["family"].startswith("plain-") for task in tasks)
    assert 0.55 <= english / len(tasks) <= 0.65
    assert 0.28 <= plain / len(tasks) <= 0.4


def test_both_files_have_the_same_families_in_both_languages() -> None:
    for language in ("en", "zh"):
        seeds, held_out = (
            {task["family"] for task in tasks if task["language"] == language} for tasks in (SEEDS, HELD_OUT)
        )
        assert seeds == held_out


def test_ids_are_unique() -> None:
    assert [
        name for name, count in Counter(task["id"] for task in SEEDS + HELD_OUT).items() if count > 1
    ] == []


@each_task
def test_fields(task: Row) -> None:
    assert set(task) == FIELDS
    prefix = "calc" if task in SEEDS else "held"
    assert re.fullmatch(rf"{prefix}-{task['language']}-\d{{3}}", task["id"])
    assert task["language"] == ("zh" if re.search(r"[\u4e00-\u9fff]", task["question"]) else "en")
    assert len(task["question"].split()) < 30
    assert len(task["question"]) < 140


@each_task
def test_the_reference_is_a_call_that_the_tool_answers(task: Row) -> None:
    assert CALCULATOR.check_arguments({"expression": task["reference"]}) == []
    assert NUMBER.fullmatch(evaluate(task["reference"]))


@each_task
def test_each_number_stands_once_in_question_and_reference(task: Row) -> None:
    asked = NUMBER.findall(task["question"])
    used = Counter(NUMBER.findall(task["reference"]))
    assert asked
    assert len(asked) == len(set(asked))
    assert all(used[number] == 1 for number in asked)
    assert set(used) - set(asked) <= CONSTANTS


@pytest.mark.parametrize("family", FORMS)
def test_the_seeds_write_one_kind_of_question_in_one_form(family: str) -> None:
    assert [
        task["id"]
        for task in SEEDS
        if task["family"] == family and not FORMS[family].fullmatch(task["reference"])
    ] == []


def test_no_wording_is_repeated() -> None:
    wordings = Counter(masked(task) for task in SEEDS + HELD_OUT)
    assert [wording for wording, count in wordings.items() if count > 1] == []


def test_held_out_tasks_share_no_pair_of_numbers_with_the_seeds() -> None:
    known = set().union(*map(number_pairs, SEEDS))
    assert {
        task["id"]: sorted(map(sorted, shared)) for task in HELD_OUT if (shared := number_pairs(task) & known)
    } == {}
