"""A run over tasks with tools of their own: recipe, preflight, samples in the store, evaluation by task."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.errors import InputError
from factory.evaluate.candidate import Candidate
from factory.evaluate.measure import measure
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.inference.schema_grammar import Kept
from factory.recipe.load import load_recipe
from factory.tasks.function_call import preflight
from factory.tasks.function_call.preflight import require_grammars, require_votes
from tests.support.functions import HELD_OUT, LAMP, ROUTE, ROWS, row
from tests.support.scripted import Model, load, opened, write

RECIPE = """\
name: tiny
teacher: {model: tiny, endpoints: ["http://127.0.0.1:9/v1"]}
data: {kind: function_call, seeds: seeds.jsonl, count: 5, examples: 1}
evaluate: {held_out: held_out.jsonl}
"""
STUDENT = "student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 1}}]}\n"


def project(folder: Path, more: str = "", rows: list[dict[str, Any]] = ROWS) -> Path:
    write(folder / "seeds.jsonl", rows)
    write(folder / "held_out.jsonl", HELD_OUT)
    path = folder / "recipe.yaml"
    path.write_text(RECIPE + more)
    return path


def right(request: Request) -> str:
    """Answer with the calls of the references."""
    asked = request.messages[-1]["content"]
    if request.schema is None and request.tools is None:
        return "Goethe."
    known = {one["query"]: one["answers"] for one in ROWS + HELD_OUT}
    calls = [one | {"name": one["name"].replace(".", "_")} for one in known.get(asked, [])]
    if calls and calls[0]["name"] == "get_forecast" and "days" in calls[0]["arguments"]:
        calls[0]["arguments"] |= {"days": 5}
    if request.tools is None:
        return json.dumps(calls)
    return "".join(f"<tool_call>{json.dumps(one)}</tool_call>" for one in calls) or "Once upon a time."


def test_each_sample_keeps_the_tools_of_its_task(tmp_path: Path) -> None:
    project(tmp_path)
    plan = load(tmp_path)
    with opened(plan) as store:
        generate(plan, store, Model(right))
        found = {
            stored["question"]: stored for stored in store.query("SELECT * FROM samples WHERE fault IS NULL")
        }
        accepted = store.query("SELECT question FROM training_set")
    for one in ROWS[1:]:
        offered = [tool["function"]["name"] for tool in json.loads(found[one["query"]]["tools"])]
        assert offered == [tool["name"].replace(".", "_") for tool in one["tools"]]
    assert json.loads(found["Who wrote Faust?"]["messages"])[-1]["content"] == "Goethe."
    turn = json.loads(found["Hall on, attic off."]["messages"])[-1]
    assert [one["function"]["name"] for one in turn["tool_calls"]] == ["switch_lamp"] * 2
    assert {one["query"] for one in ROWS[1:]} <= {stored["question"] for stored in accepted}


def test_held_out_tasks_are_put_with_their_tools(tmp_path: Path) -> None:
    project(tmp_path, STUDENT)
    # The same question and the same reference, with other tools: two tasks.
    again = row("Tell me a story.", [ROUTE])
    write(tmp_path / "held_out.jsonl", [*HELD_OUT, again])
    plan = load(tmp_path)
    asked: list[Request] = []

    def say(request: Request) -> str:
        asked.append(request)
        return right(request)

    student = Candidate("student", "b2:student", "student", tmp_path, False, "", "")
    with opened(plan) as store:
        told = measure(plan, store, student, Model(say), local=False)
        figures = {one["metric"]: one["value"] for one in store.query("SELECT * FROM evaluations")}
    assert told.startswith("student: 100.0% right") and "of 4" in told
    assert set(figures) == {"answer_accuracy", "parse_rate", "function_accuracy"}
    offered = [[tool["function"]["name"] for tool in request.tools or []] for request in asked]
    assert sorted(offered) == [
        ["get_forecast"],
        ["maps_route"],
        ["switch_lamp"],
        ["switch_lamp", "get_forecast"],
    ]


def test_the_student_sees_its_tools_by_itself(tmp_path: Path) -> None:
    student = load_recipe(project(tmp_path, STUDENT)).recipe.student
    assert student is not None and student.show_tools
    shown = STUDENT.replace("base:", "show_tools: true, base:")
    assert load_recipe(project(tmp_path, shown)).recipe.student == student


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (STUDENT.replace("base:", "show_tools: false, base:"),
            "student.show_tools: each task brings its own tools, which the student has to see; remove it"),
        ("checks: [schema, agreement, execution]\n",
            "checks[2]: the tools of the kind function_call differ by task, and nobody carries them out; re"),
        ("checks: [schema]\n", "checks: agreement is required"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_tells_line_and_what_to_do(tmp_path: Path, more: str, told: str) -> None:
    path = project(tmp_path, more)
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert caught.value.message.startswith(f"{path}:5: {told}")


def prepared(folder: Path) -> tuple[Any, list[str]]:
    said: list[str] = []
    plan: Plan = load(folder)
    found = plan.prepared()
    return type(found)(**vars(found) | {"say": said.append}), said


def test_an_open_seed_needs_a_vote(tmp_path: Path) -> None:
    project(tmp_path, rows=[{"query": "Light!", "tools": [LAMP]}])
    with pytest.raises(InputError, match=r"seeds\.jsonl:1: seeds-1 has no reference, and a single draw"):
        require_votes(prepared(tmp_path)[0])
    path = tmp_path / "recipe.yaml"
    path.write_text(path.read_text().replace("count: 5", "count: 5, samples_per_prompt: 3"))
    require_votes(prepared(tmp_path)[0])


def test_the_grammar_of_each_set_of_tools_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    tried: list[Any] = []

    def examine(schemas: dict[str, Any], seconds: float) -> dict[str, Kept]:
        tried.append((schemas, seconds))
        return {name: Kept([("$", "not")] if name == "0" else []) for name in list(schemas)[:3]}

    monkeypatch.setattr(preflight, "examine", examine)
    ready, said = prepared(tmp_path)
    load(tmp_path).kind.require_askable(ready)
    ((schemas, seconds),) = tried
    # Of eight tasks six sets of tools are different ones.
    assert (len(schemas), seconds) == (6, preflight.MOST_SECONDS)
    assert all(schema["type"] == "array" for schema in schemas.values())
    assert said[0] == "grammars of 3 of 6 sets of tools were tried before the run"
    assert "seeds.jsonl:1 (not)" in said[1]


def test_tools_without_a_grammar_are_refused_where_the_teacher_is_in_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    monkeypatch.setattr(preflight, "examine", lambda schemas, _: {"1": Kept([], "Invalid range")})
    ready, said = prepared(tmp_path)
    require_grammars(ready)
    assert "seeds.jsonl:2: no grammar can be made for its tools: Invalid range; the servers" in said[1]
    with pytest.raises(InputError, match=r"seeds\.jsonl:2: no grammar can be made"):
        require_grammars(type(ready)(**vars(ready) | {"served": False}))


def test_another_set_of_tools_is_another_plan_and_another_evaluation(tmp_path: Path) -> None:
    student = Candidate("student", "b2:student", "student", tmp_path, False, "", "")
    project(tmp_path, STUDENT)
    before = load(tmp_path)
    ids = before.plan_id, student.evaluation_id(before)
    write(tmp_path / "seeds.jsonl", [*ROWS[:3], row("Who wrote Faust?", [LAMP]), *ROWS[4:]])
    write(tmp_path / "held_out.jsonl", [*HELD_OUT[:2], row("Tell me a story.", [ROUTE])])
    after = load(tmp_path)
    assert after.plan_id != ids[0] and student.evaluation_id(after) != ids[1]
