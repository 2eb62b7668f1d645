"""The kind tool_call proposes, asks and reads: the same each time, never leaking, and never failing on an
answer."""

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.checks.execution import ExecutionCheck
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.sample import Sample, Task, identified
from factory.tasks.tool_call.call import call_schema
from factory.tasks.tool_call.taskset import ToolCallTaskset
from tests.support.calculator import CALCULATOR, SEEDS, free_tool, kind, one_seed
from tests.support.episode import talk

KIND = kind()
TASKS = KIND.propose(500)
TASK = Task("b2:0", "en", "plain-add", "What is 47 + 38?", "47 + 38")


def read(text: str, task: Task = TASK, *, error: str | None = None) -> Sample:
    return KIND.read(
        task, Answer(content_id(text), text, "error" if error else "stop", 1, 1, 0.1, error=error)
    )


def said(expression: str) -> str:
    return json.dumps({"name": "calculator", "arguments": {"expression": expression}})


def test_proposed_tasks_are_distinct_and_the_same_each_time() -> None:
    tasks = TASKS
    assert len({task.task_id for task in tasks}) == len(tasks) == 500
    assert kind().propose(500) == tasks
    assert kind(seed=8).propose(500) != tasks


def test_the_seeds_take_turns_and_are_themselves_kept_for_the_examples() -> None:
    first = KIND.propose(len(SEEDS))
    assert [task.seed_id for task in first] == [seed.seed_id for seed in SEEDS]
    assert [re.sub(r"[0-9.]+", "#", task.question) for task in first] == [
        re.sub(r"[0-9.]+", "#", seed.question) for seed in SEEDS
    ]
    assert sum(task.question == seed.question for task, seed in zip(first, SEEDS, strict=True)) < 3
    # What cannot be varied is asked as it is.
    assert [task.question for task in kind([one_seed("Two and two?", "2 + 2")]).propose(3)] == [
        "Two and two?"
    ]


@pytest.mark.parametrize("count", [1, 7, 160, 161])
def test_asking_for_more_tasks_keeps_those_that_there_were(count: int) -> None:
    assert set(KIND.propose(count)) <= set(TASKS)


def test_tasks_of_one_seed_stand_together_and_every_seed_has_its_share() -> None:
    runs = [
        (seed_id, len(list(tasks)))
        for seed_id, tasks in itertools.groupby(TASKS, key=lambda task: task.seed_id)
    ]
    assert [seed_id for seed_id, _ in runs] == [seed.seed_id for seed in SEEDS]
    assert {count for _, count in runs} <= {500 // len(SEEDS), 500 // len(SEEDS) + 1}


def test_one_seed_gives_as_many_tasks_as_it_has_numbers_for() -> None:
    assert len(kind([one_seed("What is 47 + 38?", "47 + 38")]).propose(600)) == 600
    few = kind([one_seed("Double 4.", "2 * 4")]).propose(600)
    assert {task.question for task in few} <= {f"Double {digit}." for digit in range(2, 10)}
    assert 2 <= len(few) <= 8
    assert len(kind([one_seed("Two and two?", "2 + 2")]).propose(600)) == 1


def test_every_reference_has_a_result() -> None:
    assert all(KIND.solve(task.reference) is not None for task in TASKS)


@given(st.sampled_from(TASKS))
def test_the_question_comes_last_and_never_among_its_own_examples(task: Task) -> None:
    system, *talk = KIND.ask(task)
    assert system["role"] == "system"
    assert talk[-1] == {"role": "user", "content": task.question}
    assert [message["role"] for message in talk] == ["user", "assistant"] * (len(talk) // 2) + ["user"]
    assert len(talk) // 2 in (4, 5)
    assert task.question not in [message["content"] for message in talk[:-1]]
    for example in talk[1::2]:
        assert KIND.solve(json.loads(example["content"])["arguments"]["expression"]) is not None


def test_requests_share_their_beginning() -> None:
    beginnings: dict[str, set[str]] = {}
    for task in TASKS:
        if task.question not in {seed.question for seed in SEEDS}:
            beginnings.setdefault(task.seed_id, set()).add(json.dumps(KIND.ask(task)[:-1]))
    assert len(beginnings) == len(SEEDS)
    assert {seed_id: len(found) for seed_id, found in beginnings.items() if len(found) > 1} == {}
    # The system prompt is the same for all, byte for byte.
    assert len({json.dumps(KIND.ask(task)[0]) for task in TASKS}) == 1


def test_the_seed_of_a_task_stands_next_to_its_question() -> None:
    seeds = {seed.seed_id: seed for seed in SEEDS}
    families = {seed.question: (seed.language, seed.family) for seed in SEEDS}
    for task in TASKS:
        shown = [message["content"] for message in KIND.ask(task)[1:-1:2]]
        assert shown[-1] == seeds[task.seed_id].question or task.question == seeds[task.seed_id].question
        assert families[shown[-1]] == (task.language, task.family)
        assert {families[question][0] for question in shown} == {task.language}


@pytest.mark.parametrize("examples", [0, 1, 5, 16])
def test_no_example_stands_twice(examples: int) -> None:
    small = [one_seed(f"What is {n} + 1?", f"{n} + 1", family=f"family-{n % 3}") for n in range(2, 9)]
    for seeds in (SEEDS, small, small[:1]):
        few = kind(seeds, examples=examples)
        for task in few.propose(20):
            shown = [message["content"] for message in few.ask(task)[1:-1:2]]
            assert len(set(shown)) == len(shown) <= min(examples, len(seeds))
    everyone = kind(small, examples=16)
    assert len(everyone.ask(Task("b2:0", "en", "family-0", "New?", "1"))) == 2 + 2 * len(small)


def test_a_good_answer_makes_the_whole_path() -> None:
    sample = read(said("38 + 47"))
    assert (sample.fault, sample.result, sample.answer) == (None, "85", "The answer is 85.")
    assert sample.call == {"name": "calculator", "arguments": {"expression": "38 + 47"}}
    assert sample.messages is not None
    question, call, result, answer = sample.messages
    assert question == {"role": "user", "content": TASK.question}
    assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"expression": "38 + 47"}
    assert result == {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "85"}
    assert answer == {"role": "assistant", "content": "The answer is 85."}


def test_the_answer_is_in_the_language_of_the_question() -> None:
    assert (
        read(said("1 + 1"), Task("b2:0", "zh", "plain-add", "1 + 1 是多少？", "1 + 1")).answer == "答案是 2。"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("The answer is 85.", "not_json"),
        ("[" * 5000, "too_deep"),
        ("\ud800", "not_text"),
        ("[]", "wrong_shape"),
        ('{"name": "shell", "arguments": {}}', "unknown_tool"),
        ('{"name": "calculator", "arguments": {"expression": 1e5}}', "wrong_type"),
        (said("(1 + "), "tool_error"),
        (said("1 / 0"), "tool_error"),
        (said("9 ** 9 ** 9"), "tool_error"),
    ],
)
def test_a_bad_answer_is_a_sample_with_a_fault(text: str, fault: str) -> None:
    sample = read(text)
    assert (sample.fault, sample.result, sample.answer, sample.messages) == (fault, None, None, None)
    assert (sample.call is not None) == (fault == "tool_error")
    assert sample.text == text


def test_what_the_tool_said_is_told_once() -> None:
    assert read(said("1 / 0")).detail == "division_by_zero: division by zero"


def test_an_error_of_the_request_is_the_fault_and_the_text_is_not_read() -> None:
    assert read("", error="refused_400").fault == "refused_400"


@given(st.text() | st.text().map(said))
def test_no_answer_makes_read_fail(text: str) -> None:
    sample = read(text)
    assert (sample.fault is None) == (sample.messages is not None) == (sample.result is not None)


def test_a_tool_that_does_not_ship_is_data_too() -> None:
    other = ToolCallTaskset(SEEDS[:3], [*CALCULATOR, free_tool(text={"type": "string"})], examples=2, seed=1)
    text = json.dumps({"name": "note", "arguments": {"text": "hello", "depth": [[[1e300]]]}})
    sample = other.read(TASK, Answer(content_id("x"), text, "stop", 1, 1, 0.1))
    assert (sample.fault, sample.messages) == ("tool_error", None)
    assert sample.detail.startswith("unknown_tool")


def test_samples_that_say_the_same_have_one_content_id() -> None:
    spoken = Task("b2:0", "en", "plain-add", "what is  47+38 ?", "47 + 38")
    same = [read(said("47 + 38")), read(said("47+38")), read(said("(47)+38")), read(said("47 + 38"), spoken)]
    assert len({sample.dedup_key for sample in same}) == 1
    other_question = Task("b2:0", "en", "plain-add", "What is 47 - 38?", "47 + 38")
    others = [read(said("38 + 47")), read(said("47 - 38")), read("85"), read(said("47 + 38"), other_question)]
    assert len({sample.dedup_key for sample in [same[0], *others]}) == 5


def test_a_sample_is_known_by_its_answers_and_by_what_it_says() -> None:
    one, other = read(said("1 + 1")), read(said("1 + 2"))
    ids = [identified(sample, keys).sample_id for sample in (one, other) for keys in (["b2:k"], ["b2:l"])]
    assert len(set(ids)) == 4
    assert identified(read(said("1 + 1")), ["b2:k"]).sample_id == ids[0]


def test_a_template_in_a_question_stays_text() -> None:
    hostile = "{{ ''.__class__ }}{% for x in range(9) %}: what are two and three?"
    asked = kind([one_seed(hostile, "2 + 3")])
    (task,) = asked.propose(1)
    assert asked.ask(task)[-1]["content"] == hostile
    sample = asked.read(task, Answer(content_id("x"), said("2 + 3"), "stop", 1, 1, 0.1))
    assert sample.messages is not None
    assert sample.messages[0]["content"] == hostile


def declining() -> ToolCallTaskset:
    """Return a kind whose seeds say of one question that it needs no tool."""
    plain = Seed("plain", "en", "no-tool", "Who are you?", "[]", "seeds.jsonl", 1)
    return ToolCallTaskset([*SEEDS[:4], plain], CALCULATOR, examples=8, seed=7)


def test_where_a_seed_needs_no_tool_the_teacher_may_write_null_and_then_answers_in_words() -> None:
    done = talk(
        declining().episode(Task("b2:0", "en", "no-tool", "What is a tool?", "[]"), 0),
        ["null", " A thing to work with.\n"],
    )
    assert done.asks[0].schema == call_schema(CALCULATOR, or_none=True)
    assert done.said(0)[-3:] == ["Who are you?", "null", "What is a tool?"]
    assert done.asks[1].schema is None
    sample = done.sample
    assert (sample.fault, sample.call, sample.outcome, sample.expected) == (None, [], "[]", "[]")
    assert sample.messages == [
        {"role": "user", "content": "What is a tool?"},
        {"role": "assistant", "content": "A thing to work with."},
    ]


@pytest.mark.parametrize(
    ("reference", "answers", "outcome"),
    [
        ("12 * 7", ["null", "It is 84."], "[]"),
        ("[]", ['{"name": "calculator", "arguments": {"expression": "1"}}'], "1"),
    ],
)
def test_the_execution_check_rejects_the_wrong_one_of_call_and_words(
    reference: str, answers: list[str], outcome: str
) -> None:
    sample = talk(
        declining().episode(Task("b2:0", "en", "plain-multiply", "What is 12 * 7?", reference), 0), answers
    ).sample
    assert sample.outcome == outcome
    assert ExecutionCheck().judge(sample).reason == "wrong_result"


def test_without_such_a_seed_null_is_no_call() -> None:
    kind = ToolCallTaskset(SEEDS[:4], CALCULATOR, examples=2, seed=7)
    sample = talk(
        kind.episode(Task("b2:0", "en", "plain-add", "What is 1 + 1?", "1 + 1"), 0), ["null"]
    ).sample
    assert sample.fault == "wrong_shape"
    assert "null" not in kind.ask(Task("b2:0", "en", "plain-add", "What is 1 + 1?", "1 + 1"))[0]["content"]
