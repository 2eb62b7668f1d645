"""The instruction seeds and held-out instructions keep the rules that `data/README.md` states."""

import re
from collections import Counter
from itertools import combinations, product

import pytest

from factory.chat_formats.control_token import control_token
from tests.support.data_rows import Row, for_each, language_of, read
from tests.support.rouge import rouge_l

FIELDS = {"id", "language", "family", "instruction", "input", "output"}
NEAR = 0.6
BOILERPLATE = re.compile(
    r"—|\bas an AI\b|^(?:certainly|of course|sure)[!,]|I hope this helps|作为一个|希望.{0,6}有帮助",
    re.IGNORECASE,
)

SEEDS = read("seeds/instructions.jsonl")
HELD_OUT = read("held_out/instructions.jsonl")
ALL = SEEDS + HELD_OUT
each_task = for_each(ALL)


def near(pairs: list[tuple[Row, Row]]) -> list[tuple[str, str, float]]:
    scored = [
        (one["id"], other["id"], round(rouge_l(one["instruction"], other["instruction"]), 3))
        for one, other in pairs
    ]
    return [pair for pair in scored if pair[2] > NEAR]


def test_there_are_enough() -> None:
    assert len(SEEDS) >= 180
    assert len(HELD_OUT) >= 96


@pytest.mark.parametrize(("tasks", "fewest"), [(SEEDS, 5), (HELD_OUT, 3)], ids=["seeds", "held-out"])
def test_the_mix_of_languages_families_and_inputs(tasks: list[Row], fewest: int) -> None:
    assert 0.6 <= sum(task["language"] == "en" for task in tasks) / len(tasks) <= 0.72
    assert 0.4 <= sum(task["input"] != "" for task in tasks) / len(tasks) <= 0.6
    assert min(Counter(task["family"] for task in tasks).values()) >= fewest


def test_both_files_have_the_same_families_in_both_languages() -> None:
    files = product((SEEDS, HELD_OUT), ("en", "zh"))
    families = [
        {task["family"] for task in tasks if task["language"] == language} for tasks, language in files
    ]
    assert all(family == families[0] for family in families)
    assert len(families[0]) >= 12


def test_ids_are_unique() -> None:
    assert [name for name, count in Counter(task["id"] for task in ALL).items() if count > 1] == []


@each_task
def test_fields(task: Row) -> None:
    assert set(task) == FIELDS
    assert all(isinstance(value, str) and value == value.strip() for value in task.values())
    assert all(task[field] for field in FIELDS - {"input"})
    prefix = "instruct" if task in SEEDS else "held-instruct"
    assert re.fullmatch(rf"{prefix}-{task['language']}-\d{{3}}", task["id"])
    assert task["language"] == language_of(task["instruction"])
    assert len(task["instruction"]) <= 160
    assert max(len(task["input"]), len(task["output"])) <= 500


@each_task
def test_the_texts_are_plain(task: Row) -> None:
    assert not any(control_token(value) or BOILERPLATE.search(value) for value in task.values())


@each_task
def test_the_output_says_something_else_than_what_was_given(task: Row) -> None:
    assert task["output"] not in (task["instruction"], task["input"])
    if task["family"] not in ("translation", "conversion"):
        assert language_of(task["output"]) == task["language"]


def test_openings_vary() -> None:
    english = Counter(task["instruction"].split()[0].casefold() for task in SEEDS if task["language"] == "en")
    chinese = Counter(task["instruction"][:2] for task in SEEDS if task["language"] == "zh")
    assert max(english.values()) <= 10
    assert max(chinese.values()) <= 6
    assert len(english) >= 60


def test_no_two_seed_instructions_are_near() -> None:
    assert near(list(combinations(SEEDS, 2))) == []


def test_no_held_out_instruction_is_near_a_seed_or_another() -> None:
    assert near([*product(HELD_OUT, SEEDS), *combinations(HELD_OUT, 2)]) == []


def test_no_held_out_output_or_input_stands_in_the_seeds() -> None:
    known = {task[field] for task in SEEDS for field in ("input", "output") if len(task[field]) > 12}
    assert [task["id"] for task in HELD_OUT if {task["input"], task["output"]} & known] == []
