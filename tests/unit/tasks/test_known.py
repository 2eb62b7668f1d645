"""Answers that the seeds bring are learnt: alone, or where none of the teacher's was accepted."""

import json
from pathlib import Path

import pytest

from factory.errors import InputError
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.pipeline.preflight import preflight
from factory.tools.calculator import evaluate
from tests.support.command import factory
from tests.support.functions import ROWS
from tests.support.labelled import MAILS, NOTES, extract_project, label_project
from tests.support.scripted import HEAD, Model, column, edit, load, opened, project, write

RIGHT = {text: label for _, text, label in MAILS}
ORIGINS = "SELECT answer, origins FROM training_set ORDER BY position"


def say(request: Request) -> str:
    """Say the label of a text, and the wrong one of the first mail."""
    text = request.messages[-1]["content"]
    return '"other"' if text == MAILS[0][1] else json.dumps(RIGHT[text])


def test_references_alone_are_learnt_and_nobody_is_asked(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6", "answers: reference")
    plan = load(tmp_path)
    with opened(plan) as store:
        model = Model(say)
        generate(plan, store, model)
        assert model.opened == 0
        rows = store.query(ORIGINS)
        assert [row["answer"] for row in rows] == list(RIGHT.values())
        assert {row["origins"] for row in rows} == {'[{"by": "person"}]'}
        generate(load(tmp_path), store, model)
        assert store.query(ORIGINS) == rows and model.opened == 0


def test_where_no_answer_of_the_teachers_was_accepted_the_reference_is_learnt(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6", "answers: both", "samples_per_prompt: 2")
    plan = load(tmp_path)
    with opened(plan) as store:
        model = Model(say)
        generate(plan, store, model)
        assert len(model.asked) == 2 * len(MAILS)
        rows = store.query(ORIGINS)
        assert [row["answer"] for row in rows] == list(RIGHT.values())
        by = [json.loads(row["origins"])[0]["by"] if row["origins"] else "teacher" for row in rows]
        assert by == ["person", *["teacher"] * (len(MAILS) - 1)]
        reasons = column(store, "SELECT DISTINCT reason FROM verdicts WHERE NOT passed ORDER BY 1")
        assert reasons == ["duplicate", "wrong_answer"]


def test_a_corrected_reference_is_learnt_by_the_same_command(tmp_path: Path) -> None:
    path = label_project(tmp_path, "count: 6", "answers: both", "examples: 0")
    asked = Model(say)
    with opened(load(tmp_path)) as store:
        generate(load(tmp_path), store, asked)
    lines = [json.loads(line) for line in (path.parent / "seeds.jsonl").read_text().splitlines()]
    changed = next(key for key in lines[0] if lines[0][key] == MAILS[0][2])
    lines[0][changed] = "other"
    (path.parent / "seeds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with opened(load(tmp_path)) as store:
        before = len(asked.asked)
        generate(load(tmp_path), store, asked)
        assert [row["answer"] for row in store.query(ORIGINS)][0] == "other"
        assert len(asked.asked) == before


def test_what_has_no_reference_is_told_with_its_line(tmp_path: Path) -> None:
    label_project(tmp_path, "count: 6", "answers: reference", labelled=False)
    with pytest.raises(InputError, match=r"seeds.jsonl:1: s.* has no reference to learn from"):
        preflight(load(tmp_path), ("generate",))


def never(request: Request) -> str:
    """Say what no check takes."""
    return "I do not know."


@pytest.mark.parametrize("seeds", ["tool_call", "steps"])
def test_calls_of_references_are_carried_out_and_learnt(tmp_path: Path, seeds: str) -> None:
    project(tmp_path, seeds, "count: 20", "answers: both", "budget: {requests: 20}")
    plan = load(tmp_path)
    with opened(plan) as store:
        generate(plan, store, Model(never))
        rows = store.query("SELECT question, messages, result, reference FROM training_set")
    assert len(rows) == 20
    for row in rows:
        asked, called, carried_out, *_ = json.loads(row["messages"])
        assert asked["content"] == row["question"] and called["tool_calls"]
        # The numbers of the question are new in most tasks, and the call has them.
        (one,) = called["tool_calls"]
        arguments = one["function"]["arguments"]
        expression = (json.loads(arguments) if isinstance(arguments, str) else arguments)["expression"]
        assert evaluate(expression) == carried_out["content"]


def test_fields_of_references_are_learnt_in_the_order_of_the_schema(tmp_path: Path) -> None:
    extract_project(tmp_path, "count: 3", "answers: both")
    plan = load(tmp_path)
    with opened(plan) as store:
        generate(plan, store, Model(never))
        answers = column(store, "SELECT answer FROM training_set ORDER BY position")
    assert [json.loads(answer) for answer in answers] == [fields for _, fields in NOTES]


def test_a_reference_without_calls_is_no_whole_answer(tmp_path: Path) -> None:
    write(tmp_path / "seeds.jsonl", ROWS)
    path = tmp_path / "recipe.yaml"
    path.write_text(HEAD + "data: {kind: function_call, seeds: seeds.jsonl, count: 20, answers: both}\n")
    plan = load(tmp_path)
    with opened(plan) as store:
        generate(plan, store, Model(never))
        kept = {row["question"] for row in store.query("SELECT question FROM training_set")}
        told = column(store, "SELECT DISTINCT question FROM samples WHERE fault = 'no_whole_reference'")
    silent = {row["query"] for row in ROWS if not row["answers"]}
    assert silent and silent == set(told)
    assert {row["query"] for row in ROWS if row["answers"]} <= kept


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["answers: reference", "samples_per_prompt: 2"], "data.samples_per_prompt: nobody is asked"),
        (["answers: reference", "budget: {requests: 3}"], "data.budget: nobody is asked"),
        (["answers: both", "new_texts: 3"], "data.new_texts: a new text has no reference"),
        (["answers: people"], "data.answers: 'people' is not one of teacher, reference, both"),
    ],
)
def test_settings_that_say_nothing_there_are_refused(tmp_path: Path, more: list[str], told: str) -> None:
    path = label_project(tmp_path, "count: 6", *more)
    done = factory("validate", path)
    assert done.returncode != 0 and told in done.stderr, done.stderr


def test_a_kind_whose_references_are_no_whole_answers_says_which_are(tmp_path: Path) -> None:
    path = label_project(tmp_path, "count: 6", "answers: both")
    edit(path, "kind: label", "kind: instruction")
    done = factory("validate", path)
    assert "a reference of the kind instruction is no whole answer; only for" in done.stderr
