"""The seeds and held-out tasks of arithmetic in several operations keep the rules that `data/README.md`
states."""

import re
from collections import Counter

from factory.tools.calculator import evaluate
from factory.tools.load import load_tools
from tests.support.data_rows import DATA, Row, for_each, language_of, read

NUMBER = re.compile(r"\d+(?:\.\d+)?")
FAMILIES = {"operations", "brackets", "decimals", "word-problem", "no-tool"}
OPERATOR = re.compile(r"\*\*|//|[-+*/%]")

SEEDS = read("seeds/arithmetic.jsonl")
HELD_OUT = read("held_out/arithmetic.jsonl")
OTHERS = [
    row
    for name in ("calculator", "tools")
    for place in ("seeds", "held_out")
    for row in read(f"{place}/{name}.jsonl")
]
CALCULATOR = load_tools(DATA / "tools" / "calculator.json")[0]
each_task = for_each(SEEDS + HELD_OUT)


def masked(task: Row) -> str:
    return re.sub(r"\s+", "", NUMBER.sub("#", task["question"])).casefold()


def test_there_are_enough_of_every_family_in_both_languages() -> None:
    for tasks, least in ((SEEDS, 12), (HELD_OUT, 20)):
        counts = Counter((task["language"], task["family"]) for task in tasks)
        assert set(counts) == {(language, family) for language in ("en", "zh") for family in FAMILIES}
        assert min(counts.values()) >= least
    assert len(HELD_OUT) >= 500


def test_ids_are_unique() -> None:
    assert [
        name for name, count in Counter(task["id"] for task in SEEDS + HELD_OUT).items() if count > 1
    ] == []


def test_wordings_are_unseen_and_stand_once_or_twice_among_the_held_out() -> None:
    seeds, held_out, others = (Counter(map(masked, tasks)) for tasks in (SEEDS, HELD_OUT, OTHERS))
    assert set(seeds.values()) == {1}
    assert max(held_out.values()) == 2
    assert set(seeds) & set(held_out) == set()
    assert (set(seeds) | set(held_out)) & set(others) == set()
    assert max(Counter(task["question"] for task in HELD_OUT).values()) == 1


@each_task
def test_fields(task: Row) -> None:
    assert set(task) == {"id", "language", "family", "question", "reference"}
    assert re.fullmatch(
        rf"{'arith' if task in SEEDS else 'held-arith'}-{task['language']}-\d{{3}}b?", task["id"]
    )
    # A question of numbers and signs alone has no language of its own.
    assert language_of(task["question"]) in (task["language"], "en")


@each_task
def test_the_reference_is_a_call_that_the_tool_answers_or_none(task: Row) -> None:
    assert (task["family"] == "no-tool") == (task["reference"] == [])
    if task["reference"]:
        assert CALCULATOR.check_arguments({"expression": task["reference"]}) == []
        assert NUMBER.fullmatch(evaluate(task["reference"]))


@each_task
def test_a_call_takes_the_numbers_of_its_question_and_one_to_four_operations(task: Row) -> None:
    asked = NUMBER.findall(task["question"])
    assert len(asked) == len(set(asked))
    if task["reference"]:
        assert asked and set(asked) <= set(NUMBER.findall(task["reference"]))
        assert 1 <= len(OPERATOR.findall(task["reference"])) <= 4
