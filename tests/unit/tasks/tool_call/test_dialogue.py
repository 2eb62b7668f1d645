"""Held-out tasks in steps are played as dialogues: calls are carried out, results handed back, and right is
what the last step gives."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from factory.chat_formats.formats import FORMATS
from factory.inference.request import Answer
from factory.tasks.sample import Task
from factory.tasks.taskset import Ask
from factory.tasks.tool_call.scorer import CallScorer
from factory.tasks.tool_call.taskset import MAX_STEPS
from tests.unit.tasks.tool_call.test_steps import KIND, TASK, add, hours, said

HERMES = FORMATS["hermes"]
SCORER = CallScorer(KIND, HERMES)
NONE = Task("b2:0", "en", "none", "Who are you?", "[]")
BOTH = Task("b2:0", "en", "both", "1+1 and 2+2?", json.dumps([[add("1 + 1"), add("2 + 2")]]))


def written(*calls: dict[str, Any]) -> str:
    return "\n".join("".join(HERMES.write_call(call)) + HERMES.call_end for call in calls)


def played(*texts: str | Answer, task: Task = TASK, few_shot: bool = False) -> tuple[list[Ask], Any]:
    """Return what was asked and the columns of the prediction, None where the dialogue goes on."""
    asked = SimpleNamespace(few_shot=few_shot, role="teacher" if few_shot else "student")
    dialogue = SCORER.put(asked, task)
    asks = [next(dialogue)]
    for text in texts:
        answer = text if isinstance(text, Answer) else Answer("k", text, "stop", 1, 1, 0.0)
        try:
            asks.append(dialogue.send(answer))
        except StopIteration as end:
            return asks, end.value
    return asks, None


def test_results_are_handed_back_and_the_last_step_decides() -> None:
    asks, ended = played(written(add("30 * 4")), written(hours(120)), "It takes 2 hours.")
    assert (ended["parsed"], ended["same_call"], ended["right_answer"]) == (True, True, True)
    question, first, result, second, last = asks[2].messages
    assert question == {"role": "user", "content": TASK.question}
    assert [result["role"], result["content"], last["content"]] == ["tool", "120", "2 hour"]
    assert first["tool_calls"][0]["id"] == result["tool_call_id"] != last["tool_call_id"]
    assert second["tool_calls"][0]["function"]["name"] == "unit_converter"
    assert all(ask.tools == SCORER._tools and ask.schema is None for ask in asks)
    # The template writes what was handed back as the student was taught it.
    assert HERMES.render(asks[1].messages, generate=True).count("<tool_response>") == 1


def test_parallel_calls_may_come_in_any_order() -> None:
    for calls in ([add("1 + 1"), add("2 + 2")], [add("2 + 2"), add("1 + 1")]):
        _, ended = played(written(*calls), "2 and 4.", task=BOTH)
        assert (ended["same_call"], ended["right_answer"]) == (True, True)
    _, ended = played(written(add("1 + 1")), "2.", task=BOTH)
    assert (ended["parsed"], ended["right_answer"]) == (True, False)


def test_another_way_to_the_same_results_is_right_and_not_the_same_call() -> None:
    _, ended = played(written(add("120 + 0")), written(hours(120)), "2 hours.")
    assert (ended["same_call"], ended["right_answer"]) == (False, True)


def test_where_no_tool_is_needed_right_is_an_answer_in_words() -> None:
    assert played("An assistant.", task=NONE)[1]["right_answer"]
    assert not played(written(add("1 + 1")), "2.", task=NONE)[1]["right_answer"]
    assert not played("", task=NONE)[1]["parsed"]


@pytest.mark.parametrize(
    "texts",
    [
        ["<tool_call>\n{no JSON}\n</tool_call>"],
        [written(add("30 * 4")), written({"name": "unknown", "arguments": {}})],
        [written(add("1 / 0"))],
        [written(add("30 * 4"))] * (MAX_STEPS + 1),
        [written(add("30 * 4")), Answer("k", "", "error", 0, 0, 0.0, error="prompt_too_long")],
    ],
    ids=["no JSON", "an unknown tool", "no result", "no end", "no answer"],
)
def test_a_dialogue_that_breaks_off_is_wrong(texts: list[str | Answer]) -> None:
    _, ended = played(*texts)
    assert (ended["parsed"], ended["same_call"], ended["right_answer"]) == (False, False, False)


def test_the_teacher_plays_as_in_generation() -> None:
    asks, ended = played(said(add("30 * 4")), said(hours(120)), "[]", few_shot=True)
    assert ended["right_answer"] and asks[0].schema == KIND.schema and asks[0].tools is None
