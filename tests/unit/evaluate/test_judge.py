"""The step of the judge: it reads the stored answers of every model beside a reference, in both orders, and
what it says becomes figures, a gate and a comparison of trials."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.stage import Step
from factory.errors import FactoryError
from factory.evaluate.candidate import Candidate, candidates, main_metric
from factory.evaluate.gate import may_ship
from factory.evaluate.judge import judge, unjudged
from factory.evaluate.measure import measure
from factory.evaluate.recover_stage import RecoverStage
from factory.evaluate.stage import EvaluateStage
from factory.generate.check import check
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.models.artifact import publish, verify
from factory.search.trials import teacher_accuracy
from factory.store.store import Store
from tests.support.recipes import write_model
from tests.support.scripted import Model, checks, edit, load, opened, project, proposing, write

REST = """student: {base: ./base, stages: [{sft: {steps: 1}}]}
compress: {quantize: w8a8-dynamic, max_accuracy_drop: 0.1}
evaluate: {held_out: held_out.jsonl}
"""
TASKS = [
    {"id": "h1", "instruction": "Give this a title.", "input": "A ferry is late.", "output": "Late ferry"},
    {"id": "h2", "instruction": "Give this a title.", "input": "A bridge is shut.", "output": "Shut bridge"},
    {"id": "h3", "instruction": "Name something that floats on water."},
    {"id": "h4", "instruction": "Name something that sinks in water."},
]
ROLES = ("teacher", "base", "student", "student_quantized")
# The judge likes the text with more exclamation marks.
GOOD, BAD = "Very good!!", "Hm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "base", "base")
    write(tmp_path / "held_out.jsonl", TASKS)
    project(tmp_path, "instruction", "count: 2", more=checks("instruction") + REST)
    return tmp_path


def answers(role: str) -> Callable[[Request], str]:
    """Say what a model of a role answers: the student well, the compressed one well to one of two, the others
    with a plain word."""

    def say(request: Request) -> str:
        asked = request.messages[-1]["content"]
        if role == "student" or (role == "student_quantized" and ("ferry" in asked or "floats" in asked)):
            return GOOD
        return "A plain word!" if role == "teacher" else BAD

    return say


def parts(request: Request) -> list[str]:
    """Return the task, answer A and answer B of a question to the judge."""
    asked = request.messages[-1]["content"]
    return [part.strip() for part in re.split(r"^={8,}$", asked, flags=re.MULTILINE)[1::2]]


def fair(request: Request) -> str:
    _, first, second = parts(request)
    more = first.count("!") - second.count("!")
    return '{"better": "%s"}' % ("A" if more > 0 else "B" if more < 0 else "tie")


def started(folder: Path) -> tuple[Plan, Store]:
    """Return a plan whose samples are made, and its open store."""
    plan = load(folder)
    store = opened(plan)
    generate(plan, store, Model(proposing))
    check(plan, store)
    return plan, store


def found(plan: Plan, store: Store) -> dict[str, Candidate]:
    return {one.role: one for one in candidates(plan, Lineage(plan.run, store))}


def evaluate(plan: Plan, store: Store, *roles: str) -> None:
    for role, one in found(plan, store).items():
        if role in roles or not roles:
            measure(plan, store, one, Model(answers(role)), local=False)


def figures(store: Store, metric: str) -> dict[str, float]:
    rows = store.query("SELECT role, value FROM evaluations WHERE metric = ?", [metric])
    return {row["role"]: row["value"] for row in rows}


def test_every_model_is_compared_with_the_reference_or_with_the_teacher(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        assert unjudged(plan, Lineage(plan.run, store), store) == []
        evaluate(plan, store)
        assert unjudged(plan, Lineage(plan.run, store), store) == [Step("evaluate", "judge")]
        model = Model(fair)
        said = judge(plan, store, model)
        assert unjudged(plan, Lineage(plan.run, store), store) == []
        # The teacher's own answer is the reference of two tasks: there it is as good as itself.
        assert figures(store, "preferred") == {
            "teacher": 0.75, "base": 0.25, "student": 1.0, "student_quantized": 0.625,
        }  # fmt: skip
        assert set(figures(store, "judge_consistency").values()) == {1.0}
        (row,) = store.query("SELECT * FROM evaluations WHERE metric = 'preferred' AND role = 'student'")
        assert (row["n"], row["unit"], row["better"]) == (4, "share", "higher") and row["low"] < 0.6
        against = {one["against"] for one in store.query("SELECT against FROM preferences")}
        assert against == {"Late ferry", "Shut bridge", "A plain word!"}
    assert "student: 100.0% preferred (95 % interval" in said
    assert all(request.schema is not None for request in model.asked)
    assert {parts(request)[0] for request in model.asked} == {
        f"{task['instruction']}\n\n{task.get('input', '')}".strip() for task in TASKS
    }
    # Base and compressed student say the same to some tasks: the same question is put once.
    assert len(set(model.keys)) == len(model.keys)


def test_a_judge_that_likes_the_first_place_makes_no_preference(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        evaluate(plan, store)
        judge(plan, store, Model(lambda _: '{"better": "A"}'))
        assert set(figures(store, "preferred").values()) == {0.5}
        assert set(figures(store, "judge_consistency").values()) == {0.0}
        rows = store.query("SELECT DISTINCT as_first, as_second FROM preferences WHERE as_first IS NOT NULL")
        assert rows == [{"as_first": "A", "as_second": "A"}]


@pytest.mark.parametrize(
    "said", ["", "A", "{}", '{"better": "neither"}', {"text": "", "error": "prompt_too_long"}]
)
def test_a_word_that_cannot_be_read_is_a_tie(folder: Path, said: str | dict[str, Any]) -> None:
    plan, store = started(folder)
    with store:
        evaluate(plan, store, "teacher", "student")
        judge(plan, store, Model(lambda _: said))
        assert figures(store, "preferred")["student"] == 0.5
        assert figures(store, "judge_consistency")["student"] == 0.0


def test_what_cannot_be_read_of_a_model_loses_without_a_judge(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        evaluate(plan, store, "teacher")
        measure(plan, store, found(plan, store)["student"], Model(lambda _: "\x00"), local=False)
        model = Model(fair)
        judge(plan, store, model)
        assert figures(store, "preferred")["student"] == 0.0
        assert "student" not in figures(store, "judge_consistency")
        assert "student" not in figures(store, "answer_length")
        assert {parts(request)[1] for request in model.asked} | {"A plain word!"} == {
            "A plain word!", "Late ferry", "Shut bridge",
        }  # fmt: skip


@pytest.mark.parametrize("error", ["failed_timeout", "refused_400"])
def test_a_judge_that_is_out_of_order_leaves_no_verdict(folder: Path, error: str) -> None:
    plan, store = started(folder)
    with store:
        evaluate(plan, store)
        with pytest.raises(FactoryError, match=f"the judge did not answer: {error}"):
            judge(plan, store, Model(lambda _: {"text": "", "error": error}))
        with pytest.raises(KeyboardInterrupt):
            judge(plan, store, Model(fair, stops_at=3))
        assert store.query("SELECT 1 FROM preferences") == []
        assert unjudged(plan, Lineage(plan.run, store), store) == [Step("evaluate", "judge")]


def test_a_model_that_is_measured_later_is_judged_alone(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        evaluate(plan, store, "teacher", "base", "student")
        judge(plan, store, Model(fair))
        evaluate(plan, store, "student_quantized")
        assert judge(plan, store, Model(fair)).startswith("student_quantized: 62.5% preferred")
        assert set(figures(store, "preferred")) == set(ROLES)


def test_the_gate_counts_what_the_judge_prefers(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        evaluate(plan, store)
        judge(plan, store, Model(fair))
        models = found(plan, store)
        assert not may_ship(plan, store, models["student_quantized"], models["student"])
        (gate,) = store.query("SELECT accuracy_drop, passed FROM gates")
        assert gate == {"accuracy_drop": 0.375, "passed": False}
        assert RecoverStage().owed(plan, store, worked=False) == []


def test_the_main_figure_of_trials_is_preference(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        assert main_metric(plan) == "preferred"
        assert teacher_accuracy(plan, store) is None
        evaluate(plan, store)
        judge(plan, store, Model(fair))
        assert teacher_accuracy(plan, store) == 0.75


def test_answers_are_kept_with_their_length_and_their_input(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        line = measure(plan, store, found(plan, store)["student"], Model(answers("student")), local=False)
        rows = store.query("SELECT input, result, parsed, right_answer FROM predictions ORDER BY input")
        names = {row["metric"] for row in store.query("SELECT metric FROM evaluations")}
    assert [row["input"] for row in rows] == ["A bridge is shut.", "A ferry is late.", None, None]
    assert {(row["result"], row["parsed"], row["right_answer"]) for row in rows} == {(GOOD, True, None)}
    assert names == {"parse_rate", "answer_length"}
    assert line == "student: parse_rate 100 %; answer_length 2.00 words"


def test_lengths_in_chinese_are_those_in_characters(folder: Path) -> None:
    plan, store = started(folder)
    with store:
        measure(plan, store, found(plan, store)["student"], Model(lambda _: "渡船晚点。"), local=False)
        assert figures(store, "answer_length") == {"student": 4.0}


def test_another_judge_or_another_wording_is_another_evaluation(folder: Path) -> None:
    plan = load(folder)
    one = Candidate("student", "b2:m", "m", folder, False, "", "")
    seen = {one.evaluation_id(plan)}
    prompts = plan.run.workspace.prompts
    prompts.mkdir(parents=True)
    for name, text in (
        ("judge_pair.j2", "{{ task }}{{ first }}{{ second }}"),
        ("instruction_answer.j2", "{{ instruction }}: {{ input }}"),
    ):
        (prompts / name).write_text(text)
        seen.add(one.evaluation_id(load(folder)))
    edit(folder / "recipe.yaml", "model: tiny", "model: other")
    seen.add(one.evaluation_id(load(folder)))
    assert len(seen) == 4


def test_the_stage_asks_for_its_judge_last_and_opens_the_teacher_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = started(folder)
    stage, model = EvaluateStage(), Model(fair)
    monkeypatch.setattr("factory.generate.teacher.open_teacher", lambda _: model)
    with store:
        lineage = Lineage(plan.run, store)
        for planned in (lineage.student, lineage.quantized):
            with publish(plan.run.workspace.models / planned.name, planned.about) as staging:
                write_model(staging, "made")
            lineage.record(planned, verify(plan.run.workspace.models / planned.name), {})
        assert [step.detail for step in stage.owed(plan, store, worked=False)] == list(ROLES)
        evaluate(plan, store)
        assert stage.owed(plan, store, worked=True) == [Step("evaluate", "judge")]
        assert "student: 100.0% preferred" in stage.run(plan, store, "judge")
        assert stage.owed(plan, store, worked=True) == []
