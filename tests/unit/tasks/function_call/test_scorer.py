"""Held-out tasks with tools of their own: the teacher is asked as in generation, others with the tools of
each task, and calls are judged by BFCL's rules."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from factory.chat_formats.formats import FORMATS
from factory.inference.request import Answer
from factory.seeds.offered import allowed_calls, offered_tools, tools_text
from factory.seeds.seed import Seed
from factory.tasks.function_call.scorer import FunctionCallScorer
from factory.tasks.function_call.taskset import FunctionCallTaskset
from factory.tasks.sample import Task
from factory.tasks.taskset import Ask
from tests.support.functions import HELD_OUT, LAMP, ROUTE, call, seeds

HERMES = FORMATS["hermes"]
SCORER = FunctionCallScorer(FunctionCallTaskset(seeds(), examples=2, seed=7), HERMES)
STUDY, OSLO, STORY = seeds(HELD_OUT)
OUT = call("switch_lamp", room="study", on=False)
TEACHER, STUDENT = (SimpleNamespace(few_shot=few, role="x") for few in (True, False))


def task(seed: Seed) -> Task:
    return Task(seed.seed_id, seed.language, "", seed.question, seed.reference, tools=seed.tools)


def played(asked: Any, seed: Seed, text: str) -> tuple[Ask, dict[str, Any]]:
    """Return what was asked, and the columns of the prediction."""
    dialogue = SCORER.put(asked, task(seed))
    ask = next(dialogue)
    with pytest.raises(StopIteration) as end:
        dialogue.send(Answer("k", text, "stop", 1, 1, 0.0))
    return ask, end.value.value


def figures(asked: Any, seed: Seed, text: str) -> tuple[bool, bool, bool]:
    _, found = played(asked, seed, text)
    return found["parsed"], found["same_call"], found["right_answer"]


def written(*calls: dict[str, Any]) -> str:
    return "\n".join("".join(HERMES.write_call(one)) + HERMES.call_end for one in calls)


def test_a_student_is_asked_with_the_tools_of_each_task() -> None:
    for seed in (STUDY, OSLO, STORY):
        ask, _ = played(STUDENT, seed, "x")
        assert ask.messages == [{"role": "user", "content": seed.question}] and ask.schema is None
        assert ask.tools == json.loads(seed.tools)
        # Its template shows them.
        shown = HERMES.render(ask.messages, ask.tools, show_tools=True, generate=True)
        assert all(json.dumps(tool["function"]["name"]) in shown for tool in ask.tools or [])


def test_the_teacher_is_asked_as_in_generation() -> None:
    ask, found = played(TEACHER, STUDY, json.dumps([OUT]))
    assert ask.tools is None and ask.schema is not None and ask.schema["maxItems"] == 8
    assert found == {
        "call": [OUT],
        "result": None,
        "parsed": True,
        "same_call": True,
        "right_answer": True,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (written(OUT), (True, True, True)),
        (written(call("switch_lamp", room="The study", on=False)), (True, True, False)),
        (written(call("switch_lamp", room="study", on="false")), (True, True, False)),
        (written(call("switch_lamp", room="study")), (True, True, False)),
        (written(call("turn_off", room="study")), (True, False, False)),
        (written(OUT, OUT), (True, False, False)),
        ("It is out.", (True, False, False)),
        ("<tool_call>no JSON</tool_call>", (False, False, False)),
        ("<tool_call>[1]</tool_call>", (False, False, False)),
        ('Sure! <tool_call>{"name": "x", "arguments": {}}</tool_call>', (False, False, False)),
        ("", (False, False, False)),
    ],
)
def test_what_a_student_writes_is_read_and_judged(text: str, expected: tuple[bool, bool, bool]) -> None:
    assert figures(STUDENT, STUDY, text) == expected


def test_where_no_tool_fits_right_is_to_call_none() -> None:
    assert figures(STUDENT, STORY, "Once upon a time.") == (True, True, True)
    assert figures(STUDENT, STORY, written(OUT)) == (True, False, False)
    assert figures(TEACHER, STORY, "[]") == (True, True, True)
    assert figures(TEACHER, STORY, "null") == (False, False, False)


def test_allowed_values_of_bfcl_decide() -> None:
    specs = offered_tools([ROUTE, LAMP])
    reference = allowed_calls([{"maps.route": {"to": ["Rome", "Roma"], "speed": [50.0, ""]}}], specs)
    seed = Seed("b", "en", "simple_python", "To Rome!", reference, "b.json", 1, tools=tools_text(specs))
    for given in ({"to": "roma"}, {"to": "Rome", "speed": 50}):
        assert figures(STUDENT, seed, written(call("maps_route", **given))) == (True, True, True)
    assert figures(STUDENT, seed, written(call("maps_route", to="Rome", speed=60))) == (True, True, False)
    # Of several spellings none is the likeliest.
    assert SCORER.wanted(STUDENT, task(seed)) is None


def test_how_likely_the_one_right_call_is_can_be_asked() -> None:
    assert SCORER.wanted(STUDENT, task(STUDY)) == HERMES.write_call(OUT)
    assert SCORER.wanted(TEACHER, task(STUDY)) == ("", json.dumps([OUT]))
    assert SCORER.wanted(STUDENT, task(STORY)) is None
