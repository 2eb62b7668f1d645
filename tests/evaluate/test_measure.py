"""What a model says to the held-out tasks is read, carried out and compared, with the tools of the run."""

import json
from pathlib import Path

from factory.evaluate.measure import measure
from factory.evaluate.subject import Subject
from factory.inference.request import Request
from tests.scripted import Model, load, numbers, opened, own_tool


def twice(request: Request) -> str:
    """Say the call of the own tool as a student does; of 31 without reason, of 32 with another number."""
    (number,) = numbers(request)
    if number == "31":
        return "no call"
    wrong = {"32": "33"}.get(number, number)
    return f"<tool_call>{json.dumps({'name': 'twice', 'arguments': {'number': wrong}})}</tool_call>"


def test_a_students_calls_of_an_own_tool_are_carried_out(tmp_path: Path) -> None:
    path = own_tool(tmp_path)
    path.write_text(path.read_text() + "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n")
    context = load(tmp_path)
    subject = Subject("student", "b2:student", "student", tmp_path, False, "", "")
    with opened(context) as store:
        said = measure(context, store, subject, Model(twice), local=False)
        found = {row["question"]: row for row in store.query("SELECT question, result, parsed, right_answer FROM predictions")}
    assert context.own_tools is not None
    context.own_tools.close()
    assert said.startswith("student: 50.0% right")
    assert [found[f"Double {number}, please."]["result"] for number in range(31, 35)] == [None, "66", "66", "68"]
    assert [found[f"Double {number}, please."]["right_answer"] for number in range(31, 35)] == [False, False, True, True]
