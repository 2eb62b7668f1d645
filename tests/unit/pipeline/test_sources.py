"""A recipe with several sources of data: each is asked for, checked and counted by itself, in one store; one
student learns from all, and is measured by source."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.training_set import TrainingSet
from factory.errors import InputError
from factory.evaluate.candidate import Candidate, candidates, main_metric, measured
from factory.evaluate.judge import judge
from factory.evaluate.measure import measure
from factory.generate.check import CheckStage, check
from factory.generate.stage import GenerateStage, generate
from factory.inference.request import Request
from factory.recipe import load_recipe
from factory.tasks.kinds import stored_kind
from tests.support.scripted import Model, count, load, numbers, opened, own_tool, proposing, write

SUMS = [
    {"id": f"r{n}", "question": f"Ann has {n} pens and buys 5 more. How many?", "reference": str(n + 5)}
    for n in range(10, 14)
]
HELD_SUMS = [
    {"id": f"h{n}", "question": f"Bo plants {n} trees, then 5. How many in all?", "reference": str(n + 5)}
    for n in range(41, 44)
]
DATA = """data:
- {kind: tool_call, seeds: seeds.jsonl, tools: tools.json, custom_tools: {python: own.py}, count: 3,
   held_out: held_out.jsonl}
- {name: sums, kind: rationale, seeds: sums.jsonl, count: 2, weight: 0.5, held_out: held_sums.jsonl,
   checks: [schema, agreement]}
evaluate: {}
student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 2}}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = own_tool(tmp_path)
    for name, rows in (("sums", SUMS), ("held_sums", HELD_SUMS)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    head = path.read_text().split("data:")[0]
    path.write_text(head + DATA)
    return tmp_path


@pytest.fixture
def plan(folder: Path) -> Iterator[Plan]:
    plan = load(folder)
    yield plan
    for each in plan.plans:
        if each.custom_tools:
            each.custom_tools.close()


def say(request: Request) -> str:
    asked = request.messages[-1]["content"]
    reasons = request.schema is None and request.messages[0]["role"] == "system"
    if not reasons and ("twice" in asked or "Double" in asked):
        call = {"name": "twice", "arguments": {"number": numbers(request)[-1]}}
        if request.schema is None:
            return f"<tool_call>{json.dumps(call)}</tool_call>"
        return json.dumps(call)
    number = int(numbers(request)[0])
    return f"{number} + 5 = {number + 5}.\nAnswer: {number + 5}"


def asked(plan: Plan) -> Any:
    store = opened(plan)
    for step in GenerateStage().owed(plan, store, worked=False):
        generate(plan.named(step.detail), store, lambda: Model(say))
    return store


def test_each_source_is_asked_checked_and_counted_by_itself(plan: Plan) -> None:
    with asked(plan) as store:
        rows = store.query(
            "SELECT kind, source, weight, count(*) AS n FROM training_set GROUP BY ALL ORDER BY 1"
        )
        assert [tuple(row.values()) for row in rows] == [
            ("rationale", "sums", 0.5, 2), ("tool_call", "tool-call", 1.0, 3),
        ]  # fmt: skip
        keys = store.query("SELECT source, check_keys FROM current_sources ORDER BY place")
        names = [{key.partition("@")[0].partition(":")[0] for key in row["check_keys"]} for row in keys]
        assert "execution" in names[0] and names[1] == {"schema", "agreement", "selection"}
        # Whatever a source of another kind is judged by, its own checks decide.
        (waiting,) = store.query("SELECT count(*) AS n FROM decisions WHERE decided_by = 'nobody yet'")
        assert waiting["n"] == 0
        assert GenerateStage().owed(plan, store, worked=False) == []
        assert CheckStage().owed(plan, store, worked=False) == []


def test_the_training_set_has_every_source_in_the_recipes_order(plan: Plan) -> None:
    with asked(plan) as store:
        conversations = TrainingSet(store).conversations()
        assert [row["place"] for row, _ in conversations] == [0, 0, 0, 1, 1]
        lessons = [
            lesson.task
            for row, conversation in conversations
            for lesson in stored_kind(row["kind"]).lessons(conversation, row["answer"])
        ]
        assert lessons == ["", "", "", "label", "rationale", "label", "rationale"]


def test_the_other_source_s_requests_stay_when_one_is_changed(folder: Path, plan: Plan) -> None:
    with asked(plan) as store:
        before = count(store, "generations")
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace("count: 2", "count: 3"))
    changed = load(folder)
    with opened(changed) as store:
        owed = GenerateStage().owed(changed, store, worked=False)
        assert [step.detail for step in owed] == ["sums"]
        generate(changed.named("sums"), store, lambda: Model(say))
        asked_now = store.query("SELECT text FROM generations ORDER BY batch OFFSET ?", [before])
        assert not any("twice" in row["text"] for row in asked_now)
        assert len(TrainingSet(store).ids) == 6


def test_one_source_makes_the_same_ids_alone_and_in_a_list(folder: Path, plan: Plan) -> None:
    listed = plan.plans[0].plan_id
    path = folder / "recipe.yaml"
    own_tool(folder)
    path.write_text(path.read_text().replace("count: 6", "count: 3"))
    assert load(folder).plan_id == listed


def test_weights_and_sources_decide_which_student_it_is(folder: Path, plan: Plan) -> None:
    with asked(plan) as store:
        first = Lineage(plan.run, store).student.artifact_id
        path = folder / "recipe.yaml"
        path.write_text(path.read_text().replace("weight: 0.5", "weight: 0.25"))
        assert Lineage(load(folder).run, store).student.artifact_id != first


def test_a_model_is_measured_by_source_and_in_all(plan: Plan, tmp_path: Path) -> None:
    candidate = Candidate("student", "b2:m", "m", tmp_path, False, "", "")

    def half(request: Request) -> str:
        return "Answer: nothing" if "trees" in request.messages[-1]["content"] else say(request)

    with opened(plan) as store:
        line = measure(plan, store, candidate, Model(half), local=False)
        rows = store.query(
            "SELECT metric, value, n FROM evaluations WHERE metric LIKE 'answer%' ORDER BY ALL"
        )
        assert [tuple(row.values()) for row in rows] == [
            ("answer_accuracy", 4 / 7, 7),
            ("answer_accuracy@sums", 0.0, 3),
            ("answer_accuracy@tool-call", 1.0, 4),
        ]
        assert count(store, "predictions") == 7
    assert "57.1%" in line


WRITING = [
    {"id": f"w{n}", "instruction": f"Describe a {thing} to a child.", "output": f"It is a {thing}."}
    for n, thing in enumerate(("river", "lighthouse", "violin"))
]


@pytest.fixture
def mixed(folder: Path) -> Iterator[Plan]:
    """A plan of calls, whose answers are right or wrong, and of instructions, whose answers are compared."""
    write(folder / "writing.jsonl", WRITING)
    held_out = [{"id": "i1", "instruction": "Give this a title.", "input": "A ferry is late."}]
    write(
        folder / "held_writing.jsonl", [*held_out, {"id": "i2", "instruction": "Name a thing that floats."}]
    )
    path = folder / "recipe.yaml"
    head = path.read_text().split("- {name: sums")[0]
    path.write_text(
        head
        + """\
- {name: writing, kind: instruction, seeds: writing.jsonl, count: 2, weight: 0.5, checks: [schema],
   held_out: held_writing.jsonl}
evaluate: {}
student: {base: smollm2-135m-instruct, stages: [{sft: {steps: 2}}]}
"""
    )
    plan = load(folder)
    yield plan
    for each in plan.plans:
        if each.custom_tools:
            each.custom_tools.close()


def mixing(request: Request) -> str:
    """Call, propose an instruction, or answer one; as a judge, take what says more."""
    if "better" in json.dumps(request.schema):
        first, second = (request.messages[-1]["content"].split("=" * 8)[place] for place in (3, 5))
        return json.dumps({"better": "A" if len(first) > len(second) else "B"})
    if request.schema is not None and "instruction" in request.schema.get("properties", {}):
        return proposing(request)
    if re.search("twice|Double", request.messages[-1]["content"]):
        return say(request)
    return "A short answer"


def test_one_student_learns_calls_and_instructions(mixed: Plan) -> None:
    with opened(mixed) as store:
        for each in mixed.plans:
            generate(each, store, lambda: Model(mixing))
            check(each, store)
        conversations = TrainingSet(store).conversations()
    assert [(row["kind"], row["place"]) for row, _ in conversations] == [
        *[("tool_call", 0)] * 3,
        *[("instruction", 1)] * 2,
    ]
    lessons = [stored_kind(row["kind"]).lessons(one, row["answer"]) for row, one in conversations]
    assert [[message["role"] for message in lesson.messages] for (lesson,) in lessons[3:]] == [
        ["user", "assistant"]
    ] * 2


def test_kinds_with_other_main_figures_are_measured_side_by_side(mixed: Plan) -> None:
    def better(request: Request) -> str:
        asked = request.messages[-1]["content"]
        return "A far longer answer" if "ferry" in asked else mixing(request)

    with opened(mixed) as store:
        found = {one.role: one for one in candidates(mixed, Lineage(mixed.run, store))}
        lines = [
            measure(mixed, store, found[role], Model(answer), local=False)
            for role, answer in (("teacher", mixing), ("student", better))
        ]
        assert main_metric(mixed) == "answer_accuracy"
        judge(mixed, store, Model(mixing))
        rows = store.query("SELECT metric, value, n FROM evaluations WHERE role = 'student'")
        figures = {row["metric"]: (row["value"], row["n"]) for row in rows}
        (task,) = store.query("SELECT count(*) AS n FROM predictions WHERE right_answer IS NULL")
    assert {name: pair for name, pair in figures.items() if "call_accuracy" not in name} == {
        "answer_accuracy": (1.0, 4),
        "answer_accuracy@tool-call": (1.0, 4),
        "parse_rate@tool-call": (1.0, 4),
        "parse_rate@writing": (1.0, 2),
        "answer_length@writing": (3.5, 2),
        # One answer is longer than the teacher's, the other one is the same.
        "preferred": (0.75, 2),
        "preferred@writing": (0.75, 2),
        "judge_consistency": (1.0, 1),
        "judge_consistency@writing": (1.0, 1),
    }
    assert task["n"] == 4 and lines[1].startswith("student: 100.0% right")


def test_preference_alone_is_the_main_figure_where_no_source_has_right_answers(
    folder: Path, mixed: Plan
) -> None:
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace(",\n   held_out: held_out.jsonl}", "}"))
    assert [each.source.name for each in measured(load(folder))] == ["writing"]
    assert main_metric(load(folder)) == "preferred"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("evaluate: {}", "evaluate: {held_out: held_out.jsonl}", "each names its own"),
        ("kind: rationale", "kind: rational", r"data\[1\].kind: 'rational' is not one of"),
        ("count: 2", "count: none", r"data\[1\].count: must be a whole number"),
        ("weight: 0.5", "weight: 0", r"data\[1\].weight: must be greater than 0"),
        ("name: sums", "name: 1", r"data\[1\].name: must be text"),
        ("checks: [schema, agreement]", "checks: [agreement]", r"data\[1\].checks: schema is required"),
        ("seeds: sums.jsonl", "seeds: gone.jsonl", r"data\[1\].seeds: .*gone.jsonl"),
        ("held_out: held_sums.jsonl", "held_out: gone.jsonl", r"data\[1\].held_out: .*gone.jsonl"),
        ("count: 2", "cuont: 2", r"data\[1\].cuont: unknown key; did you mean 'count'"),
    ],
)  # fmt: skip
def test_a_fault_of_a_source_is_named_with_its_place(folder: Path, old: str, new: str, message: str) -> None:
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        load_recipe(path)


def test_sources_of_one_kind_are_told_apart(folder: Path) -> None:
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace("name: sums, kind: rationale", "kind: rationale").replace(
        "evaluate: {}", "- {kind: rationale, seeds: sums.jsonl, count: 1}\nevaluate: {}"
    ))  # fmt: skip
    names = [source.name for source in load_recipe(path).recipe.sources]
    assert names == ["tool-call", "rationale", "rationale-2"]


def test_what_is_held_out_of_one_source_is_learnt_from_none(folder: Path) -> None:
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace(
        "checks: [schema, agreement]", "checks: [schema, agreement, decontamination]"
    ))  # fmt: skip
    leak = {"id": "l", "question": "Double 33, please.", "reference": "38"}
    write(folder / "sums.jsonl", [leak, *SUMS])
    plan = load(folder)
    with asked(plan) as store:
        rejected = store.query("SELECT question FROM rejected WHERE reason = 'held_out_leak'")
    assert [row["question"] for row in rejected] == ["Double 33, please."]
