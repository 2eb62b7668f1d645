"""A held-out instruction is put to every model in the words that a student is taught in, and of an answer
what can be read is kept: there is no right one."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.chat_formats.hermes import Hermes
from factory.evaluate.candidate import Candidate, Role, task_of, teacher_candidate
from factory.evaluate.scorer import question, scorer
from factory.generate.check import check
from factory.generate.stage import generate
from factory.inference.request import Answer, Request
from factory.seeds.seed import Seed
from factory.tasks.kinds import KINDS
from tests.support.hostile_texts import HOSTILE
from tests.support.scripted import Model, checks, load, opened, project, write
from tests.support.tiny_formats import CHATML
from tests.support.tiny_formats import tokenizer as tiny_tokenizer
from tests.support.token_rows import token_rows

STUDENT = "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
EVALUATE = "evaluate: {held_out: held_out.jsonl}\n"
TASKS = [
    {"id": "h1", "instruction": "Give this notice a title.", "input": "The ferry does not run today."},
    {"id": "h2", "instruction": "Name three uses of a brick.", "output": "Walls, ovens, paths."},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project(tmp_path, "instruction", "count: 4", more=checks("instruction") + EVALUATE + STUDENT)
    write(tmp_path / "held_out.jsonl", TASKS)
    return tmp_path


def proposing(request: Request) -> str:
    """Propose the first held-out instruction with its input, whatever was shown, or answer."""
    if request.schema is None:
        return "Ferry laid up"
    return json.dumps({key: TASKS[0][key] for key in ("instruction", "input")})


@pytest.mark.parametrize("role", ["teacher", "base", "student", "student_quantized"])
def test_each_model_is_asked_in_the_words_of_the_training_rows(folder: Path, role: Role) -> None:
    plan = load(folder)
    with opened(plan) as store:
        generate(plan, store, Model(proposing))
        check(plan, store)
        sample = store.query("SELECT * FROM training_set")[0]
    asked = Candidate(role, "b2:m", "m", folder, role == "teacher", "", "")
    task = task_of(plan.held_out[0])
    request = question(scorer(plan), asked, task, 32)
    assert request.messages == json.loads(sample["messages"])[:-1]
    assert request.messages == [
        {"role": "user", "content": f"{TASKS[0]['instruction']}\n\n{TASKS[0]['input']}"}
    ]
    assert request.schema is None and request.tools is None


def test_a_row_teaches_the_answer_after_that_question_alone(folder: Path) -> None:
    tokenizer = tiny_tokenizer(CHATML, "<|endoftext|>")
    Hermes().set_template(tokenizer, show_tools=False)
    plan = load(folder)
    with opened(plan) as store:
        generate(plan, store, Model(proposing))
        check(plan, store)
        sample = store.query("SELECT * FROM training_set")[0]
    (row,) = token_rows(
        sample | {"teacher_messages": sample["messages"], "text": "Ferry laid up", "token_ids": None},
        "instruction",
        tokenizer,
        Hermes(),
    )
    learnt = [label for label in row.labels if label >= 0]
    said = tokenizer.decode(row.input_ids)
    assert tokenizer.decode(learnt).startswith("Ferry laid up")
    assert said.index("The ferry does not run") < said.index("Ferry laid up")
    assert row.input_ids[-len(learnt) :] == learnt


def ended(plan: Any, text: str, place: int = 0) -> dict[str, Any]:
    dialogue = scorer(plan).put(teacher_candidate(plan), task_of(plan.held_out[place]))
    next(dialogue)
    with pytest.raises(StopIteration) as end:
        dialogue.send(Answer("b2:k", text, "stop", 1, 1, 0.1))
    row: dict[str, Any] = end.value.value
    return row


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("  No ferry.\n", "No ferry."),
        ("<think>a title</think>No ferry.", "No ferry."),
        *((text, None) for text, _ in HOSTILE.values()),
    ],
    ids=["spaces around", "thinking before", *HOSTILE],
)
def test_no_answer_is_right_and_what_cannot_be_read_is_said(
    folder: Path, text: str, result: str | None
) -> None:
    row = ended(load(folder), text)
    assert (row["right_answer"], row["parsed"], row["result"]) == (None, result is not None, result)


def test_a_reference_is_wanted_where_there_is_one(folder: Path) -> None:
    plan = load(folder)
    found = [scorer(plan).wanted(teacher_candidate(plan), task_of(seed)) for seed in plan.held_out]
    assert found == [None, ("", "Walls, ovens, paths.")]


def test_an_input_makes_another_task_and_the_report_says_how_each_is_asked(folder: Path) -> None:
    seed = Seed("h", "en", "f", "Give it a title.", "", "held_out.jsonl", 1, "A ferry.")
    assert task_of(seed).input == "A ferry."
    assert task_of(seed).task_id != task_of(Seed("h", "en", "f", "Give it a title.", "", "h", 1)).task_id
    assert teacher_candidate(load(folder)).prompting == "the instruction and its input"
    # Other kinds go on telling of their examples.
    assert KINDS["label"].prompting.examples
