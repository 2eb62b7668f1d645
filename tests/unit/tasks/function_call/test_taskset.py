"""The teacher reads examples and the tools of its task, writes calls of these alone, and every answer becomes
a sample or a reason."""

import json
from typing import Any

import pytest

from factory.checks.agreement import AgreementCheck
from factory.seeds.offered import allowed_calls, offered_tools
from factory.seeds.seed import Seed
from factory.tasks.conversation import Conversation, Origin
from factory.tasks.function_call.taskset import FunctionCallTaskset
from factory.tasks.sample import Sample, Task, identified
from factory.tasks.tool_call.call import calls_schema
from tests.support.episode import Talk, answer, talk
from tests.support.functions import FORECAST, LAMP, ROUTE, call, seed, seeds
from tests.support.hostile_texts import HOSTILE
from tests.support.pool import NOTHING

SEEDS = seeds()
WEATHER, HALL, BOTH, FAUST, CHINESE = SEEDS
LIT, OUT = call("switch_lamp", room="hall", on=True), call("switch_lamp", room="attic", on=False)


def taskset(seeds: list[Seed] = SEEDS, examples: int = 2) -> FunctionCallTaskset:
    return FunctionCallTaskset(seeds, examples=examples, seed=7)


def task(seed: Seed, **more: Any) -> Task:
    return Task(seed.seed_id, seed.language, seed.family, seed.question, seed.reference, tools=seed.tools)


def through(seed: Seed, *texts: Any) -> Talk:
    return talk(taskset().episode(task(seed), 0), texts)


def said(*calls: dict[str, Any]) -> str:
    return json.dumps(calls)


def test_the_prompt_word_by_word() -> None:
    system, question = taskset(examples=1).ask(task(HALL))
    assert question == {"role": "user", "content": "Light in the hall, please."}
    forecast = (
        'get_forecast: The weather to come. Its arguments as JSON Schema: {"type": "object", "properties": '
        '{"city": {"type": "string", "description": "Where."}, "days": {"type": "integer", "description": '
        '"How many.", "default": 3}}, "required": ["city"]}'
    )
    lamp = (
        'switch_lamp: Switches a lamp. Its arguments as JSON Schema: {"type": "object", "properties": '
        '{"room": {"type": "string"}, "on": {"type": "boolean"}}, "required": ["room", "on"], '
        '"additionalProperties": false}'
    )
    told = system["content"].splitlines()
    assert told[0].startswith("Answer the question with function calls.")
    assert told[1:7] == [
        "",
        "Functions:",
        forecast,
        lamp,
        "Question: Weather in Lisbon for 5 days?",
        'Calls: [{"name": "get_forecast", "arguments": {"city": "Lisbon", "days": 5}}]',
    ]
    # The tools of the task come last, after every example with its own.
    assert told[7:] == ["", "Functions:", lamp]


def test_examples_are_of_other_tasks_and_at_most_as_many_as_wanted() -> None:
    for count in (0, 1, 3):
        for one in SEEDS:
            text = taskset(examples=count).ask(task(one))[0]["content"]
            assert text.count("Functions:") + text.count("函数：") <= count + 1
            assert one.question not in text
    assert "用函数调用来回答问题" in taskset().ask(task(CHINESE))[0]["content"]


def test_what_has_several_spellings_is_no_example() -> None:
    reference = allowed_calls([{"maps.route": {"to": ["Rome", "Roma"]}}], offered_tools([ROUTE]))
    several = Seed("b", "en", "single", "To Rome!", reference, "b.json", 1, tools=CHINESE.tools)
    assert "To Rome!" not in taskset([HALL, several]).ask(task(WEATHER))[0]["content"]
    assert list(taskset([several]).tasks(NOTHING))[0].reference == reference  # type: ignore[union-attr]


def test_calls_end_the_conversation() -> None:
    done = through(BOTH, said(OUT, LIT))
    (ask,) = done.asks
    assert ask.schema == calls_schema(offered_tools([ROUTE, LAMP]), 8)
    sample = done.sample
    assert sample.messages is not None
    user, turn = sample.messages
    assert (user["content"], turn["content"]) == (BOTH.question, None)
    assert [one["id"] for one in turn["tool_calls"]] == ["call_1", "call_2"]
    assert [json.loads(one["function"]["arguments"]) for one in turn["tool_calls"]] == [
        OUT["arguments"],
        LIT["arguments"],
    ]
    assert (sample.fault, sample.answer, sample.call, sample.result) == (None, None, [[OUT, LIT]], None)
    # The order is free.
    assert sample.outcome == sample.expected == BOTH.reference
    assert [tool["function"]["name"] for tool in sample.tools or []] == ["maps_route", "switch_lamp"]
    (turned,) = Conversation(sample.messages, sample.tools or [], sample.origins).turns
    assert turned == (1, Origin("teacher", sample.request_key))


@pytest.mark.parametrize("calls", [[], [LIT], [call("switch_lamp", room="hall", on=True), LIT | {}]])
def test_other_calls_than_the_references_are_wrong(calls: list[Any]) -> None:
    distinct = [one for place, one in enumerate(calls) if one not in calls[:place]]
    sample = through(BOTH, said(*distinct)).sample
    assert sample.fault is None and sample.outcome != sample.expected
    (verdict,) = AgreementCheck(0.2).judge_draws([sample], [True])
    assert verdict.reason == "wrong_answer"


def test_where_no_tool_fits_the_answer_is_the_teachers_in_words() -> None:
    done = through(FAUST, "[]", "Goethe wrote it.")
    assert done.said(1)[1] == FAUST.question and done.asks[1].schema is None
    assert "in one or two sentences" in done.said(1)[0]
    sample = done.sample
    assert (sample.answer, sample.call, sample.outcome, sample.expected) == (
        "Goethe wrote it.",
        [],
        "[]",
        "[]",
    )
    assert sample.messages == [
        {"role": "user", "content": FAUST.question},
        {"role": "assistant", "content": "Goethe wrote it."},
    ]
    assert sample.origins == (Origin("teacher", sample.request_key),)
    cut = through(FAUST, "[]", answer("Goethe wr", "length")).sample
    assert cut.finish_reason == "length"


def test_words_are_not_asked_for_where_the_reference_has_calls() -> None:
    sample = through(HALL, "[]").sample
    assert (sample.fault, sample.messages, sample.outcome) == (None, None, "[]")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (json.dumps([LIT])[:-3], "truncated_json"),
        (json.dumps(LIT), "wrong_shape"),
        (said(LIT, LIT), "wrong_shape"),
        (said(*(call("switch_lamp", room=str(n), on=True) for n in range(9))), "wrong_shape"),
        (said(call("get_forecast", city="Oslo")), "unknown_tool"),  # another task's
        (said(call("switch_lamp", room="hall")), "missing_argument"),
        (said(call("switch_lamp", room=1, on=True)), "wrong_type"),
        (said(call("switch_lamp", room="hall", on=True, dim=1)), "bad_arguments"),
        *HOSTILE.values(),
    ],
)
def test_what_cannot_be_read_is_a_reason(text: str, reason: str) -> None:
    sample = through(HALL, text).sample
    assert (sample.fault, sample.messages, sample.call, sample.outcome) == (reason, None, None, None)


@pytest.mark.parametrize("text", ["", "<|im_end|>"])
def test_words_that_cannot_be_read_are_a_reason(text: str) -> None:
    sample = through(FAUST, "[]", text).sample
    assert sample.fault in ("empty", "control_token") and sample.messages is None


def test_an_error_of_the_request_is_the_fault() -> None:
    assert through(HALL, answer("", error="refused_400")).sample.fault == "refused_400"
    assert through(FAUST, "[]", answer("", error="refused_400")).sample.fault == "refused_400"


OPEN = seed("Light in the hall, please.", [LAMP], known=False)


def draws(*texts: str) -> list[Sample]:
    return [
        talk(taskset().episode(task(OPEN), 0), [answer(text, number=number)]).sample
        for number, text in enumerate(texts)
    ]


def test_without_a_reference_the_draws_vote_by_what_they_say() -> None:
    hall, room = said(LIT), said(call("switch_lamp", on=True, room="Hall."))
    kitchen = said(call("switch_lamp", room="kitchen", on=True))
    voted = AgreementCheck(0.2).judge_draws(draws(hall, room, kitchen), [True] * 3)
    assert [verdict.reason for verdict in voted] == ["ok", "ok", "minority"]
    assert draws(hall)[0].expected is None


def test_a_single_draw_is_judged_without_results() -> None:
    (verdict,) = AgreementCheck(0.2).judge_draws(draws(said(call("switch_lamp", room="7", on=True))), [True])
    assert (verdict.reason, verdict.detail) == ("ungrounded_argument", "7")


def test_numbers_of_calls_vary_and_texts_stay() -> None:
    dated = seed(
        "Note: weather in Rome 2026-03-04, 5 days.",
        [FORECAST],
        call("get_forecast", city="Rome 2026-03-04", days=5),
    )
    found = [one for one, _ in zip(taskset([WEATHER, dated]).tasks(NOTHING), range(6), strict=False)]
    varied = [one for one in found if one is not None and one.seed_id == WEATHER.seed_id]
    assert len({one.question for one in varied}) == len(varied) == 5
    for one in varied:
        (made,) = json.loads(one.reference)[0]
        assert f"for {made['arguments']['days']} days" in one.question
        assert made["arguments"]["city"] == "Lisbon" and one.tools == WEATHER.tools
    # A date is asked as it is, once.
    assert [one.question for one in found if one and one.seed_id == dated.seed_id] == [dated.question]


def test_tools_are_part_of_what_a_task_is() -> None:
    one, other = task(FAUST), task(seed("Who wrote Faust?", [LAMP]))
    assert one.task_id != other.task_id
    assert len(list(taskset([FAUST, seed("Who wrote Faust?", [LAMP])]).tasks(NOTHING))) == 2


def test_a_sample_without_tools_of_its_own_keeps_its_id() -> None:
    plain = Sample("b2:k", Task("b2:s", "en", "sum", "What is 1 + 1?", "1 + 1"), "2", "stop", outcome="2")
    # As commit e8c7268 made it.
    assert identified(plain, ["b2:k"]).sample_id == "b2:32c46c78a88f427cfe11891df46da213"


def test_an_edited_call_is_read_as_the_teachers_is() -> None:
    from factory.errors import InputError
    from factory.review.edit import edited

    sample = through(HALL, said(OUT)).sample
    row = vars(task(HALL)) | vars(sample) | {"kind": "function_call", "rationale": None, "input": ""}
    row |= {"origins": None}
    right = edited(row, {"call": json.dumps([[LIT]])}, None).row
    assert json.loads(right["messages"][1]["tool_calls"][0]["function"]["arguments"]) == LIT["arguments"]
    assert edited(row, {"call": "[]", "answer": "I cannot."}, None).sample.answer == "I cannot."
    for wrong in ("{}", "[[{}]]", json.dumps([[call("get_forecast", city="Oslo")]]), "no JSON"):
        with pytest.raises(InputError):
            edited(row, {"call": wrong}, None)
