"""What a model says to the held-out tasks is read, carried out and compared, with the tools of the run."""

import io
import json
from pathlib import Path

import pytest

from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import FactoryError
from factory.evaluate.candidate import Candidate, teacher_candidate
from factory.evaluate.measure import measure
from factory.evaluate.scorer import question, scorer
from factory.inference.request import Request
from factory.system.progress import Progress
from factory.tasks.sample import Task
from factory.workspace import Workspace
from tests.support.scripted import Model, edit, load, numbers, opened, own_tool, write


def twice(request: Request) -> str:
    """Say the call of the own tool as a student does; of 31 without reason, of 32 with another number."""
    (number,) = numbers(request)
    if number == "31":
        return "no call"
    wrong = {"32": "33"}.get(number, number)
    return f"<tool_call>{json.dumps({'name': 'twice', 'arguments': {'number': wrong}})}</tool_call>"


def test_a_students_calls_of_an_own_tool_are_carried_out(tmp_path: Path) -> None:
    context = _with_student(tmp_path)
    candidate = Candidate("student", "b2:student", "student", tmp_path, False, "", "")
    with opened(context) as store:
        said = measure(context, store, candidate, Model(twice), local=False)
        found = {
            row["question"]: row
            for row in store.query("SELECT question, result, parsed, right_answer FROM predictions")
        }
    assert context.custom_tools is not None
    context.custom_tools.close()
    assert said.startswith("student: 50.0% right")
    assert [found[f"Double {number}, please."]["result"] for number in range(31, 35)] == [
        None,
        "66",
        "66",
        "68",
    ]
    assert [found[f"Double {number}, please."]["right_answer"] for number in range(31, 35)] == [
        False,
        False,
        True,
        True,
    ]


def test_two_tasks_with_one_question_are_asked_once_and_both_counted(tmp_path: Path) -> None:
    _with_student(tmp_path)
    question = "Double 33, please."
    tasks = [
        {"id": "h1", "question": question, "reference": "33"},
        {"id": "h2", "question": question, "reference": "34"},
        {"id": "h3", "question": "Double 34, please.", "reference": "34"},
    ]
    write(tmp_path / "held_out.jsonl", tasks)
    context, model = load(tmp_path), Model(twice)
    with opened(context) as store:
        said = measure(context, store, _student(tmp_path), model, local=False)
        rows = store.query("SELECT question, reference, right_answer FROM predictions")
        (accuracy,) = store.query("SELECT value, n FROM evaluations WHERE metric = 'answer_accuracy'")
    assert context.custom_tools is not None
    context.custom_tools.close()
    assert len(model.keys) == 2
    found = {(row["question"], row["reference"]): row["right_answer"] for row in rows}
    assert found == {(question, "33"): True, (question, "34"): False, ("Double 34, please.", "34"): True}
    assert accuracy == {"value": pytest.approx(2 / 3), "n": 3}
    assert said.startswith("student: 66.7% right") and "of 3" in said


def test_the_same_task_in_another_language_is_named_and_counted_once(tmp_path: Path) -> None:
    _with_student(tmp_path)
    task = {"question": "Double 33, please.", "reference": "33"}
    write(tmp_path / "held_out.jsonl", [task | {"id": "h1"}, task | {"id": "h2", "language": "de"}])
    stream = io.StringIO()
    context = Plan(Run(load(tmp_path).run.loaded, Workspace(tmp_path / "work"), Progress(stream)))
    with opened(context) as store:
        said = measure(context, store, _student(tmp_path), Model(twice), local=False)
    assert context.custom_tools is not None
    context.custom_tools.close()
    assert "of 1" in said
    assert "held_out.jsonl:2: the held-out task h2" in stream.getvalue()


def test_every_figure_is_stored_with_its_unit_and_named_in_the_line(tmp_path: Path) -> None:
    context = _with_student(tmp_path)
    with opened(context) as store:
        said = measure(context, store, _student(tmp_path), Model(twice), local=False)
        rows = store.query("SELECT metric, unit, better, low, high FROM evaluations")
    assert context.custom_tools is not None
    context.custom_tools.close()
    assert {row["metric"] for row in rows} == {"answer_accuracy", "tool_call_accuracy", "parse_rate"}
    assert all(
        (row["unit"], row["better"]) == ("share", "higher") and row["low"] < row["high"] for row in rows
    )
    assert "; parse_rate 75 %" in said and "; tool_call_accuracy 50 %" in said


@pytest.mark.parametrize("bootstrap", [100, 2000])
def test_a_recipe_with_resamples_keeps_its_evaluation_id(tmp_path: Path, bootstrap: int) -> None:
    _with_student(tmp_path)
    edit(
        tmp_path / "recipe.yaml",
        "{held_out: held_out.jsonl}",
        f"{{held_out: held_out.jsonl, bootstrap: {bootstrap}}}",
    )
    said = load(tmp_path).run.evaluation.model_dump(exclude={"held_out"})
    assert said == {"max_tokens": 96, "bootstrap": bootstrap, "repeats": 3}


@pytest.mark.parametrize("error", ["refused_400", "failed_timeout"])
def test_a_server_that_does_not_answer_makes_no_figure(tmp_path: Path, error: str) -> None:
    context = _with_student(tmp_path)
    candidate = Candidate("teacher", "b2:teacher", "teacher", tmp_path, True, "", "")
    with opened(context) as store:
        with pytest.raises(FactoryError, match=f"teacher: a held-out task was not answered: {error}"):
            measure(context, store, candidate, Model(lambda _: {"text": "", "error": error}), local=False)
        assert store.query("SELECT 1 FROM predictions") == store.query("SELECT 1 FROM evaluations") == []


@pytest.mark.parametrize("error", ["refused_400", "refused_403", "filtered", "thinking_cut_off"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_task_that_is_refused_is_named_and_counts_as_wrong(tmp_path: Path, error: str, count: int) -> None:
    def say(request: Request) -> str | dict[str, str]:
        (number,) = numbers(request)
        refused = int(number) >= 35 - count
        detail = "HTTP 400: Your prompt was filtered"
        return {"text": "", "error": error, "detail": detail} if refused else twice(request)

    _with_student(tmp_path)
    stream = io.StringIO()
    plan = Plan(Run(load(tmp_path).run.loaded, Workspace(tmp_path / "work"), Progress(stream)))
    with opened(plan) as store:
        said = measure(plan, store, _student(tmp_path), Model(say), local=False)
        right = store.query("SELECT question FROM predictions WHERE right_answer ORDER BY question")
        (row,) = store.query("SELECT n FROM evaluations WHERE metric = 'answer_accuracy'")
    assert plan.custom_tools is not None
    plan.custom_tools.close()
    assert row["n"] == 4 and "of 4" in said
    assert [each["question"] for each in right] == ["Double 33, please."] * (count < 2)
    told = stream.getvalue()
    assert told.count("counted as wrong") == count
    assert f"Double 34, please.: {error} (" in told and "Your prompt was filtered" in told


@pytest.mark.parametrize("refused", [3, 4])
def test_where_most_are_refused_there_is_no_figure(tmp_path: Path, refused: int) -> None:
    def say(request: Request) -> str | dict[str, str]:
        (number,) = numbers(request)
        return {"text": "", "error": "refused_400"} if int(number) < 31 + refused else twice(request)

    plan = _with_student(tmp_path)
    with opened(plan) as store:
        with pytest.raises(FactoryError, match="refused_400 .the server refused"):
            measure(plan, store, _student(tmp_path), Model(say), local=False)
        assert store.query("SELECT 1 FROM predictions") == store.query("SELECT 1 FROM evaluations") == []


@pytest.mark.parametrize(
    ("more", "moved"),
    [
        ("max_model_len: 1024", True),
        (f"revision: {40 * 'a'}", False),
        ("concurrency: 4", False),
        ("template: {enable_thinking: false}", False),
        ("extra_body: {reasoning_effort: low}", False),
    ],
)
def test_what_changes_an_answer_is_asked_anew(tmp_path: Path, more: str, moved: bool) -> None:
    _with_student(tmp_path)
    student = Candidate("student", "b2:m", "m", tmp_path, False, "", "")
    before = student.evaluation_id(load(tmp_path))
    edit(tmp_path / "recipe.yaml", "{model: tiny, ", f"{{model: tiny, {more}, ")
    assert (student.evaluation_id(load(tmp_path)) != before) is moved


def test_as_many_tasks_as_the_recipe_says_are_put_and_the_id_is_that_of_these_tasks(tmp_path: Path) -> None:
    context = _with_student(tmp_path)
    student = Candidate("student", "b2:m", "m", tmp_path, False, "", "")
    whole = student.evaluation_id(context)
    held_out = (tmp_path / "held_out.jsonl").read_text().splitlines()
    edit(tmp_path / "recipe.yaml", "held_out: held_out.jsonl", "held_out: held_out.jsonl, max_tasks: 2")
    context = load(tmp_path)
    with opened(context) as store:
        measure(context, store, student, Model(twice), local=False)
        asked = [row["question"] for row in store.query("SELECT question FROM predictions ORDER BY question")]
        assert store.query("SELECT DISTINCT n FROM evaluations") == [{"n": 2}]
    assert context.custom_tools is not None
    context.custom_tools.close()
    assert asked == ["Double 31, please.", "Double 33, please."]
    halved = student.evaluation_id(context)
    assert halved != whole
    edit(tmp_path / "recipe.yaml", "max_tasks: 2", "max_tasks: 9")
    assert student.evaluation_id(load(tmp_path)) == whole
    edit(tmp_path / "recipe.yaml", ", max_tasks: 9", "")
    (tmp_path / "held_out.jsonl").write_text("".join(f"{line}\n" for line in held_out[::2]))
    assert student.evaluation_id(load(tmp_path)) == halved


def test_other_examples_are_another_question_to_the_teacher_and_other_code_to_all(tmp_path: Path) -> None:
    _with_student(tmp_path)
    roles = [
        Candidate(role, "b2:m", "m", tmp_path, role == "teacher", "", "") for role in ("teacher", "student")
    ]
    first = [one.evaluation_id(load(tmp_path)) for one in roles]
    write(tmp_path / "seeds.jsonl", [{"id": "s1", "question": "What is twice 5?", "reference": "5"}])
    second = [one.evaluation_id(load(tmp_path)) for one in roles]
    (tmp_path / "own.py").write_text("def twice(number):\n    return str(int(number) + int(number))\n")
    third = [one.evaluation_id(load(tmp_path)) for one in roles]
    assert first[0] != second[0] and first[1] == second[1]
    assert second[0] != third[0] and second[1] != third[1]


def _student(folder: Path) -> Candidate:
    return Candidate("student", "b2:student", "student", folder, False, "", "")


def _with_student(folder: Path) -> Plan:
    path = own_tool(folder)
    path.write_text(
        path.read_text() + "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"
    )
    return load(folder)


@pytest.mark.parametrize(
    "more", ["template: {enable_thinking: false}", "extra_body: {reasoning_effort: low}"]
)
def test_the_teachers_switches_are_a_part_of_how_it_is_asked(tmp_path: Path, more: str) -> None:
    _with_student(tmp_path)
    plan = load(tmp_path)
    before, asked = teacher_candidate(plan), []
    edit(tmp_path / "recipe.yaml", "{model: tiny, ", f"{{model: tiny, {more}, ")
    other = load(tmp_path)
    after = teacher_candidate(other)
    assert before.evaluation_id(plan) != after.evaluation_id(other)
    for each, run in ((before, plan), (after, other)):
        asked.append(question(scorer(run), each, Task("s", "en", "", "Double 5.", "10"), 8))
    assert asked[0].key != asked[1].key and asked[0].template is None
    assert asked[1].template == ({"enable_thinking": False} if "template" in more else None)
