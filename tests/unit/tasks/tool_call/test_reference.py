"""References in steps are carried out, and stay right when the numbers of their question are exchanged."""

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.seeds.seed import Seed
from factory.tasks.sample import Task
from factory.tasks.tool_call.reference import Steps, mend, outcome, parse_steps, run_steps
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.tools.errors import ToolError
from factory.tools.load import load_tools
from factory.tools.registry import run_tool
from tests.support.calculator import DATA
from tests.support.pool import NOTHING
from tests.support.seeds import require_seeds

SEEDS = require_seeds(DATA / "seeds" / "tools.jsonl", "tool_call")
FED = [seed for seed in SEEDS if seed.family == "multi-step"]
TOOLS = load_tools(DATA / "tools" / "tools.json")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
BY_NAME = {tool.name: tool for tool in TOOLS}
KIND = ToolCallTaskset(SEEDS, TOOLS, examples=0, seed=7)


def call(**arguments: Any) -> dict[str, Any]:
    return {"name": "tool", "arguments": arguments}


def mended(given: Steps, original: Steps, results: dict[str, str]) -> Steps | None:
    """Mend with a tool that answers its argument `a` as `results` says, or says `end`; it fails at
    `nothing`."""

    def run(name: str, arguments: dict[str, Any]) -> str:
        if arguments["a"] == "nothing":
            raise ToolError("not_found", "nothing")
        return results.get(str(arguments["a"]), "end")

    reference = mend(json.dumps(given), original, run)
    return None if reference is None else parse_steps(reference)


def numbers(value: Any) -> set[str]:
    return set(NUMBER.findall(json.dumps(value)))


def varied(seed: Seed, count: int) -> list[Task]:
    tasks = itertools.islice(
        ToolCallTaskset([seed], TOOLS, examples=0, seed=7, wanted=count).tasks(NOTHING), count
    )
    return [task for task in tasks if task is not None and task.question != seed.question]


def test_the_shipped_seeds_are_fed_with_their_own_results() -> None:
    checked = 0
    for seed in FED:
        original = parse_steps(seed.reference)
        assert original is not None
        # Numbers of the reference alone, such as the 100 of per cent.
        own = numbers(original) - numbers(run_steps(original, run_tool))
        for task in varied(seed, 4):
            steps = parse_steps(task.reference)
            assert steps is not None
            for position in range(1, len(steps)):
                known = (
                    set(NUMBER.findall(task.question)) | numbers(run_steps(steps[:position], run_tool)) | own
                )
                assert numbers([one["arguments"] for one in steps[position]]) <= known, (
                    task.question,
                    task.reference,
                )
                checked += 1
    assert checked > 50


@settings(max_examples=60)
@given(st.sampled_from(SEEDS), st.integers(0, 2**31 - 1))
def test_a_varied_task_keeps_its_form_and_has_a_result(seed: Seed, recipe_seed: int) -> None:
    for task in ToolCallTaskset([seed], TOOLS, examples=0, seed=recipe_seed).propose(2):
        assert NUMBER.sub("#", task.question) == NUMBER.sub("#", seed.question)
        before, after = parse_steps(seed.reference), parse_steps(task.reference)
        assert before is not None
        assert after is not None
        assert [[one["name"] for one in step] for step in after] == [
            [one["name"] for one in step] for step in before
        ]
        assert all(
            BY_NAME[one["name"]].check_arguments(one["arguments"]) == [] for step in after for one in step
        )
        assert KIND.solve(task.reference) is not None


def test_the_days_of_a_date_stay_two_digits() -> None:
    seed = next(seed for seed in SEEDS if "2024-02-01" in seed.question)
    dates = [date for task in varied(seed, 30) for date in re.findall(r"\d+-\d+-\d+", task.question)]
    assert len(dates) >= 50
    assert all(re.fullmatch(r"\d{4}-0[1-9]-\d\d", date) for date in dates if date[5] == "0")
    assert {date[5] for date in dates} == {"0"}


RESULTS = {
    "1": "10",
    "2": "20",
    "day": "3 days",
    "week": "5 days",
    "one": '{"train": {"minutes": 7}}',
    "two": '{"train": {"minutes": 8}}',
}
RESULTS |= {"cold": "-40", "warm": "15", "half": "0.5", "word": "Friday", "gone": '{"other": 1}'}


@pytest.mark.parametrize(
    ("first", "second", "before", "after"),
    [
        ("1", "2", {"a": 10}, {"a": 20}),
        ("1", "2", {"a": "10"}, {"a": "20"}),
        ("1", "half", {"a": 10}, {"a": 0.5}),
        ("day", "week", {"a": 3}, {"a": 5}),
        ("day", "week", {"a": "3 days"}, {"a": "5 days"}),
        ("one", "two", {"a": 7}, {"a": 8}),
        ("1", "2", {"a": "(10 + 4) / 10.5"}, {"a": "(20 + 4) / 10.5"}),
        ("cold", "warm", {"a": "-40 + 2"}, {"a": "15 + 2"}),
        ("warm", "cold", {"a": "2 - 15"}, {"a": "2 - -40"}),
        ("1", "2", {"a": [{"b": 10, "c": True}]}, {"a": [{"b": 20, "c": True}]}),
        ("1", "2", {"a": 11, "b": "x", "c": None}, {"a": 11, "b": "x", "c": None}),
        ("word", "1", {"a": "Friday"}, {"a": "10"}),
    ],
)
def test_what_is_fed(first: str, second: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    original = [[call(a=first)], [call(**before)]]
    assert mended([[call(a=second)], [call(**before)]], original, RESULTS) == [
        [call(a=second)],
        [call(**after)],
    ]


@pytest.mark.parametrize(
    ("first", "second", "before"),
    [
        ("1", "word", {"a": 10}),
        ("one", "gone", {"a": 7}),
        ("day", "word", {"a": "3 * 2"}),
        ("1", "nothing", {"a": 10}),
    ],
)
def test_what_cannot_be_fed_any_more_has_no_reference(
    first: str, second: str, before: dict[str, Any]
) -> None:
    assert mended([[call(a=second)], [call(**before)]], [[call(a=first)], [call(**before)]], RESULTS) is None


def test_a_number_that_was_exchanged_is_the_questions() -> None:
    original = [[call(a="1")], [call(a="10 * 10.5")]]
    assert mended([[call(a="2")], [call(a="99 * 10.5")]], original, RESULTS) == [
        [call(a="2")],
        [call(a="99 * 10.5")],
    ]


def test_a_third_step_is_fed_by_both_before_it() -> None:
    original = [[call(a="1")], [call(a="one"), call(a="warm")], [call(a=10), call(a="7 + 15")]]
    assert mended(
        [[call(a="2")], [call(a="two"), call(a="cold")], [call(a=10), call(a="7 + 15")]], original, RESULTS
    ) == [
        [call(a="2")],
        [call(a="two"), call(a="cold")],
        [call(a=20), call(a="8 + -40")],
    ]


def test_outcomes_are_the_results_of_the_last_step_in_any_order() -> None:
    assert outcome([["9"], ["b", "a"]]) == outcome([["a", "b"]]) == '["a","b"]'
    assert outcome([]) == "[]"
    assert outcome([["a", "a"]]) != outcome([["a"]])


def test_an_expression_is_no_list_of_steps() -> None:
    assert parse_steps("47 + 38") is None
    assert parse_steps("[]") == []
    assert run_steps([[{"name": "calculator", "arguments": {"expression": "1 / 0"}}]], run_tool) is None
