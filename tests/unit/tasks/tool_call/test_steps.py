"""Tool calls in steps: several at once, one fed by another, none at all; each executed, each fault with its
reason."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.tasks.sample import Sample, Task
from factory.tasks.tool_call.call import MAX_CALLS, calls_schema
from factory.tasks.tool_call.taskset import MAX_STEPS, ToolCallTaskset
from factory.tools.errors import ToolError
from factory.tools.load import load_tools
from tests.support.calculator import DATA, free_tool
from tests.support.episode import Talk, answer, talk
from tests.support.pool import NOTHING
from tests.support.seeds import require_seeds

SEEDS = require_seeds(DATA / "seeds" / "tools.jsonl", "tool_call")
TOOLS = load_tools(DATA / "tools" / "tools.json")


def add(expression: str) -> dict[str, Any]:
    return {"name": "calculator", "arguments": {"expression": expression}}


def hours(minutes: float) -> dict[str, Any]:
    return {
        "name": "unit_converter",
        "arguments": {"value": minutes, "from_unit": "minute", "to_unit": "hour"},
    }


def seed(question: str, *steps: list[dict[str, Any]], language: str = "en", family: str = "steps") -> Seed:
    return Seed(question, language, family, question, json.dumps(list(steps)), "seeds.jsonl", 1)


FED = seed("What is 45 * 16 minutes in hours?", [add("45 * 16")], [hours(720)])
TASK = Task(
    "b2:0", "en", "steps", "What is 30 * 4 minutes in hours?", json.dumps([[add("30 * 4")], [hours(120)]])
)
KIND = ToolCallTaskset([FED], TOOLS, examples=2, seed=7)


def said(*calls: dict[str, Any]) -> str:
    return json.dumps(calls)


def through(*answers: str | Answer, task: Task = TASK, kind: ToolCallTaskset = KIND) -> Talk:
    return talk(kind.episode(task, 0), answers)


def note(run: Callable[[str, dict[str, Any]], str]) -> ToolCallTaskset:
    """Return a kind with a person's own tool `note`, carried out by `run`."""
    seeds = [seed("Note this.", [{"name": "note", "arguments": {"text": "this"}}])]
    return ToolCallTaskset(seeds, [free_tool(text={"type": "string"})], examples=0, seed=7, run=run)


NOTE = {"name": "note", "arguments": {"text": "it"}}
NOTED = Task("b2:0", "en", "steps", "Note it.", json.dumps([[NOTE]]))


def test_a_result_feeds_the_next_call_and_every_turn_is_as_in_the_example() -> None:
    done = through(said(add("30 * 4")), said(hours(120)), "[]")
    first, second, third = done.asks
    assert first.messages[1:] == [
        {"role": "user", "content": "What is 45 * 16 minutes in hours?"},
        {"role": "assistant", "content": '[{"name": "calculator", "arguments": {"expression": "45 * 16"}}]'},
        {"role": "user", "content": 'Results: ["720"]'},
        {
            "role": "assistant",
            "content": (
                '[{"name": "unit_converter", "arguments": {"value": 720, '
                '"from_unit": "minute", "to_unit": "hour"}}]'
            ),
        },
        {"role": "user", "content": 'Results: ["12 hour"]'},
        {"role": "assistant", "content": "[]"},
        {"role": "user", "content": TASK.question},
    ]
    assert second.messages[len(first.messages) :] == [
        {"role": "assistant", "content": said(add("30 * 4"))},
        {"role": "user", "content": 'Results: ["120"]'},
    ]
    assert third.messages[len(second.messages) :] == [
        {"role": "assistant", "content": said(hours(120))},
        {"role": "user", "content": 'Results: ["2 hour"]'},
    ]
    assert [ask.schema for ask in done.asks] == [calls_schema(TOOLS)] * 3


def test_the_whole_path_is_a_sample() -> None:
    sample = through(said(add("30 * 4")), said(hours(120)), "[]").sample
    assert (sample.fault, sample.answer, sample.outcome, sample.expected) == (
        None,
        "The answer is 2 hour.",
        '["2 hour"]',
        '["2 hour"]',
    )
    assert (sample.call, sample.result) == ([[add("30 * 4")], [hours(120)]], '[["120"],["2 hour"]]')
    assert sample.messages is not None
    question, call, result, again, last, final = sample.messages
    assert question == {"role": "user", "content": TASK.question}
    assert [one["tool_calls"][0]["function"]["name"] for one in (call, again)] == [
        "calculator",
        "unit_converter",
    ]
    assert json.loads(again["tool_calls"][0]["function"]["arguments"]) == hours(120)["arguments"]
    assert (result, last) == (
        {"role": "tool", "tool_call_id": "call_1", "content": "120"},
        {"role": "tool", "tool_call_id": "call_2", "content": "2 hour"},
    )
    assert final == {"role": "assistant", "content": "The answer is 2 hour."}


def test_several_calls_at_once_are_one_turn_and_agree_in_any_order() -> None:
    task = Task(
        "b2:0", "zh", "parallel", "1 + 1 和 2 * 4 是多少？", json.dumps([[add("1 + 1"), add("2 * 4")]])
    )
    one, other = (
        through(said(*calls), "[]", task=task)
        for calls in ([add("1 + 1"), add("2 * 4")], [add("2 * 4"), add("1 + 1")])
    )
    assert one.said(1)[-1] == 'Results: ["2", "8"]'
    assert one.sample.answer == "答案是 2; 8。"
    assert one.sample.outcome == other.sample.outcome == one.sample.expected
    assert one.sample.messages is not None
    _, calls, first, second, _ = one.sample.messages
    assert (
        [call["id"] for call in calls["tool_calls"]]
        == [first["tool_call_id"], second["tool_call_id"]]
        == ["call_1", "call_2"]
    )
    assert (first["content"], second["content"]) == ("2", "8")


def test_where_no_tool_is_needed_the_answer_is_the_teachers() -> None:
    task = Task("b2:0", "en", "no-tool", "Who are you?", "[]")
    done = through("[]", " A helper.\n", task=task)
    assert done.asks[1].schema is None
    assert done.asks[1].messages == [
        {"role": "system", "content": "Answer directly, in one or two sentences."},
        {"role": "user", "content": "Who are you?"},
    ]
    assert (done.sample.answer, done.sample.outcome, done.sample.expected, done.sample.call) == (
        "A helper.",
        "[]",
        "[]",
        [],
    )
    assert done.sample.messages == [
        {"role": "user", "content": "Who are you?"},
        {"role": "assistant", "content": "A helper."},
    ]
    called = through(said(add("1 + 1")), "[]", task=task).sample
    assert (called.fault, called.outcome == called.expected) == (None, False)


@pytest.mark.parametrize(
    ("plain", "fault"),
    [
        (answer(""), "empty"),
        (answer(" \n"), "empty"),
        (answer("x" * (MAX_CHARACTERS + 1)), "too_large"),
        (answer("", error="timed_out"), "timed_out"),
    ],
    ids=["empty", "spaces", "too large", "error"],
)
def test_a_bad_answer_without_tools(plain: Answer, fault: str) -> None:
    sample = through("[]", plain, task=Task("b2:0", "en", "no-tool", "Who are you?", "[]")).sample
    assert (sample.fault, sample.messages, sample.outcome) == (fault, None, None)


BAD = {
    "empty": ("", "empty"),
    "cut off": (said(add("1 + 1"))[:-5], "truncated_json"),
    "prose": ("The answer is 2.", "not_json"),
    "NaN": (said(hours(1)).replace("1", "NaN"), "not_finite"),
    "nested": ("[" * 2000 + "]" * 2000, "too_deep"),
    "10 MB": (said(add("1" * 10_000_000)), "too_large"),
    "a lone surrogate": (said(add("\ud800")), "not_text"),
    "one call without a list": (json.dumps(add("1 + 1")), "wrong_shape"),
    "the same call twice": (said(add("1 + 1"), add("1 + 1")), "wrong_shape"),
    "too many calls": (said(*(add(f"{n} + 1") for n in range(MAX_CALLS + 1))), "wrong_shape"),
    "a missing name": (said({"arguments": {}}), "wrong_shape"),
    "an unknown tool": (said(add("1 + 1"), {"name": "shell", "arguments": {}}), "unknown_tool"),
    "a wrong type": (said({"name": "calculator", "arguments": {"expression": 2}}), "wrong_type"),
    "a missing argument": (said({"name": "calculator", "arguments": {}}), "missing_argument"),
    "an error of the tool": (said(add("1 / 0")), "tool_error"),
    "an error beside a result": (said(add("1 + 1"), add("1 / 0")), "tool_error"),
}


@pytest.mark.parametrize(("text", "fault"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("before", [[], [said(add("30 * 4"))]], ids=["at once", "after a step"])
def test_a_bad_step_ends_the_episode_with_its_reason(text: str, fault: str, before: list[str]) -> None:
    sample = through(*before, text).sample
    assert (sample.fault, sample.messages, sample.outcome, sample.answer) == (fault, None, None, None)
    assert sample.text == text
    assert len(json.loads(sample.result or "")) == len(before)
    assert len(sample.detail) <= 500


def test_an_error_of_the_request_is_the_fault() -> None:
    assert through(said(add("30 * 4")), answer("", error="refused_400")).sample.fault == "refused_400"


def test_steps_without_end_are_too_many() -> None:
    steps = [said(add(f"{n} + 1")) for n in range(MAX_STEPS + 1)]
    assert through(*steps[:-1], "[]").sample.fault is None
    assert through(*steps).sample.fault == "too_many_steps"


def test_own_tools_are_carried_out_by_who_was_given() -> None:
    ran: list[tuple[str, dict[str, Any]]] = []

    def run(name: str, arguments: dict[str, Any]) -> str:
        ran.append((name, arguments))
        return f"noted {len(arguments['text'])}"

    sample = through(said(NOTE), "[]", task=NOTED, kind=note(run)).sample
    assert (sample.answer, sample.outcome, sample.expected) == (
        "The answer is noted 2.",
        '["noted 2"]',
        '["noted 2"]',
    )
    assert ran[0] == ("note", {"text": "it"})


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        ("<|im_start|>system", "control_token"),
        ("</tool_response>", "control_token"),
        ("x" * (MAX_CHARACTERS + 1), "too_large"),
    ],
    ids=["control token", "tag", "too large"],
)
def test_a_hostile_result_never_gets_into_a_prompt(result: str, fault: str) -> None:
    sample = through(said(NOTE), task=NOTED, kind=note(lambda name, arguments: result)).sample
    assert (sample.fault, sample.messages) == (fault, None)


def test_a_tool_that_fails_where_the_reference_needs_it_agrees_with_nothing() -> None:
    def run(name: str, arguments: dict[str, Any]) -> str:
        raise ToolError("timed_out", "no answer")

    sample = through(said(NOTE), task=NOTED, kind=note(run)).sample
    assert (sample.fault, sample.expected) == ("tool_error", "")
    assert sample.detail == "timed_out: no answer"


def test_the_shipped_seeds_give_distinct_tasks_whose_references_hold() -> None:
    kind = ToolCallTaskset(SEEDS, TOOLS, examples=3, seed=7, wanted=200)
    tasks = [task for task in itertools.islice(kind.tasks(NOTHING), 200) if task is not None]
    assert len({task.task_id for task in tasks}) == 200
    for task in tasks[::10]:
        sample = straight(kind, task)
        assert (sample.fault, sample.outcome) == (None, sample.expected)


def straight(kind: ToolCallTaskset, task: Task) -> Sample:
    """Answer a task as its reference does."""
    steps = json.loads(task.reference)
    return talk(
        kind.episode(task, 0), [*map(json.dumps, steps), "[]", *([] if steps else ["Gladly."])]
    ).sample


def test_calls_that_say_the_same_have_one_content_id() -> None:
    answers = [said(add("30 * 4")), said(add("30*4")), said(add("(30) * 4")), said(add("4 * 30"))]
    ids = [through(text, "[]").sample.dedup_key for text in answers]
    assert ids[0] == ids[1] == ids[2] != ids[3]
