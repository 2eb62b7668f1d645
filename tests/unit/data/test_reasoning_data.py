"""The reasoning seeds and held-out questions keep the rules that `data/README.md` states."""

import re
from collections import Counter
from itertools import combinations, product

import pytest

from factory.chat_formats.control_token import control_token
from factory.seeds.seed import Seed
from factory.tasks.vary import vary
from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError
from tests.support.data_rows import Row, for_each, language_of, read
from tests.support.rouge import rouge_l

NUMBER = re.compile(r"\d+(?:\.\d+)?")
EQUATION = re.compile(r"([(\d][\d.()+\-×÷ ]*?) = (\d+(?:\.\d+)?)")
CONSTANTS = {"1", "2", "3", "4", "7", "10", "24", "60", "100", "1000"}
FIELDS = {"id", "language", "family", "question", "rationale", "reference"}

SEEDS = read("seeds/reasoning.jsonl")
HELD_OUT = read("held_out/reasoning.jsonl")
ALL = SEEDS + HELD_OUT
each_task = for_each(ALL)


def exchanged(task: Row) -> set[str]:
    """Return the numbers that `vary` would exchange: those that the question and the expression share."""
    return set(NUMBER.findall(task["question"])) & set(NUMBER.findall(task.get("expression", "")))


VARIABLE = [task for task in SEEDS if exchanged(task)]


def number_pairs(task: Row) -> set[frozenset[str]]:
    """Return the unordered pairs of numbers of the expression, leaving out pairs that are constants and not
    asked about."""
    asked = exchanged(task)
    pairs = combinations(sorted(set(NUMBER.findall(task.get("expression", "")))), 2)
    return {frozenset(pair) for pair in pairs if asked & set(pair) or set(pair) - CONSTANTS}


def masked(task: Row) -> str:
    return NUMBER.sub("#", task["question"])


def solve(expression: str) -> str | None:
    try:
        return evaluate(expression)
    except ToolError:
        return None


def test_there_are_enough() -> None:
    assert len(SEEDS) >= 160
    assert len(HELD_OUT) >= 96
    assert len(VARIABLE) >= 100


@pytest.mark.parametrize(("tasks", "fewest"), [(SEEDS, 5), (HELD_OUT, 3)], ids=["seeds", "held-out"])
def test_the_mix_of_languages_and_families(tasks: list[Row], fewest: int) -> None:
    assert 0.6 <= sum(task["language"] == "en" for task in tasks) / len(tasks) <= 0.72
    assert min(Counter(task["family"] for task in tasks).values()) >= fewest


def test_both_files_have_the_same_families_in_both_languages() -> None:
    files = product((SEEDS, HELD_OUT), ("en", "zh"))
    families = [
        {task["family"] for task in tasks if task["language"] == language} for tasks, language in files
    ]
    assert all(family == families[0] for family in families)
    assert len(families[0]) >= 10


def test_ids_are_unique() -> None:
    assert [name for name, count in Counter(task["id"] for task in ALL).items() if count > 1] == []


@each_task
def test_fields(task: Row) -> None:
    assert FIELDS <= set(task) <= FIELDS | {"expression"}
    assert all(isinstance(value, str) and value == value.strip() != "" for value in task.values())
    prefix = "reason" if task in SEEDS else "held-reason"
    assert re.fullmatch(rf"{prefix}-{task['language']}-\d{{3}}", task["id"])
    assert task["language"] == language_of(task["question"]) == language_of(task["rationale"])
    assert len(task["question"]) <= 300
    assert len(task["reference"]) <= 20
    assert not any(control_token(value) or "—" in value for value in task.values())


@each_task
def test_the_rationale_is_a_few_short_steps_that_end_in_the_answer(task: Row) -> None:
    steps = task["rationale"].split("\n")
    assert 2 <= len(steps) <= 5
    assert all(0 < len(step) <= 140 and step[-1] in ".。" for step in steps)
    answer = re.escape(task["reference"])
    # Chinese puts no spaces around a word, so only in English can a part of a longer word be told apart.
    assert re.search(rf"(?<![\w.]){answer}(?!\w|\.\d)" if task["language"] == "en" else answer, steps[-1])


@each_task
def test_every_equation_of_the_rationale_holds(task: Row) -> None:
    equations = EQUATION.findall(task["rationale"])
    assert {left: evaluate(left) for left, _ in equations} == dict(equations)
    assert task["rationale"].count("=") == len(equations)


@each_task
def test_a_number_is_recomputed_from_the_expression(task: Row) -> None:
    assert bool(NUMBER.fullmatch(task["reference"])) == ("expression" in task)
    if "expression" in task:
        assert evaluate(task["expression"]) == task["reference"]


@each_task
def test_an_exchanged_number_stands_once_in_question_and_expression(task: Row) -> None:
    asked, used = (Counter(NUMBER.findall(task.get(field, ""))) for field in ("question", "expression"))
    assert all(asked[number] == used[number] == 1 for number in exchanged(task))


@for_each(VARIABLE)
def test_a_variable_seed_gives_other_questions(task: Row) -> None:
    seed = Seed(
        task["id"],
        task["language"],
        task["family"],
        task["question"],
        task["expression"],
        "reasoning.jsonl",
        1,
    )
    made = [made for variant in range(1, 9) if (made := vary(seed, variant, 7, solve))]
    assert len({question for question, _ in made} - {task["question"]}) >= 4
    assert all(NUMBER.fullmatch(evaluate(expression)) for _, expression in made)


def test_no_wording_is_repeated() -> None:
    wordings = Counter(re.sub(r"\s+", "", masked(task)).casefold() for task in ALL)
    assert [wording for wording, count in wordings.items() if count > 1] == []


def test_held_out_tasks_are_worded_otherwise() -> None:
    near = [
        (task["id"], seed["id"], round(score, 2))
        for task, seed in product(HELD_OUT, SEEDS)
        if (score := rouge_l(masked(task), masked(seed))) > 0.7
    ]
    assert near == []


def test_held_out_tasks_share_no_pair_of_numbers_with_a_seed_of_their_family() -> None:
    known: dict[str, set[frozenset[str]]] = {}
    for seed in SEEDS:
        known.setdefault(seed["family"], set()).update(number_pairs(seed))
    assert {
        task["id"]: sorted(map(sorted, shared))
        for task in HELD_OUT
        if (shared := number_pairs(task) & known[task["family"]])
    } == {}
