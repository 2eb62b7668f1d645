"""A compressed model that lost too much is recovered, then measured, then judged again: one thing after the
other, decided by what the store holds."""

from pathlib import Path

import pytest

from factory.context.lineage import Lineage, Planned
from factory.context.plan import Plan
from factory.context.stage import Step
from factory.evaluate.candidate import candidates
from factory.evaluate.recover_stage import RecoverStage
from factory.generate.check import check
from factory.generate.stage import generate
from factory.models.artifact import publish, verify
from factory.store.store import Store
from tests.support.recipes import write_model
from tests.support.scripted import Model, checks, load, opened, project, reasoning, write

RECIPE = """
student: {base: ./base, stages: [{sft: {steps: 1}}]}
evaluate: {held_out: held_out.jsonl}
compress: {quantize: w8a8-dynamic, most_lost: 0.1%s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "base", "base")
    questions = [
        {"id": f"h{number}", "question": f"A tree has {number} pears. How many?", "reference": str(number)}
        for number in range(4)
    ]
    write(tmp_path / "held_out.jsonl", questions)
    return tmp_path


def _started(folder: Path, more: str) -> Plan:
    project(folder, "rationale", "count: 4", more=checks("rationale") + RECIPE % more)
    return load(folder)


def _make(plan: Plan, lineage: Lineage, planned: Planned) -> None:
    target = plan.run.workspace.models / planned.name
    with publish(target, planned.about) as staging:
        write_model(staging, "made")
    lineage.record(planned, verify(target), {})


def _measure(plan: Plan, store: Store, right: dict[str, int]) -> None:
    for candidate in candidates(plan, Lineage(plan.run, store)):
        if candidate.role in right:
            evaluation = {"evaluation_id": candidate.evaluation_id(plan)}
            predictions = [
                evaluation
                | {"task_id": f"b2:{place}", "question": "q", "reference": "r", "output": "o", "call": None}
                | {"result": None, "parsed": True, "same_call": False}
                | {"right_answer": place < right[candidate.role]}
                for place in range(4)
            ]
            figure = {"artifact_id": candidate.artifact_id, "role": candidate.role}
            figure |= {"metric": "answer_accuracy", "value": right[candidate.role] / 4}
            figure |= {"low": 0.0, "high": 1.0, "n": 4}
            store.commit(predictions=predictions, evaluations=[evaluation | figure])


def test_recovery_goes_step_by_step(folder: Path) -> None:
    plan, stage = _started(folder, ", repair: {steps: 2}"), RecoverStage()
    with opened(plan) as store:
        generate(plan, store, Model(reasoning))
        check(plan, store)
        lineage = Lineage(plan.run, store)
        _make(plan, lineage, lineage.student)
        _make(plan, lineage, lineage.quantized)
        _measure(plan, store, {"teacher": 4, "base": 0, "student": 4, "student_quantized": 2})
        assert stage.owed(plan, store, worked=False) == [Step("recover")]
        _make(plan, lineage, lineage.recovered)
        assert stage.owed(plan, store, worked=True) == [Step("evaluate", "student_recovered")]
        _measure(plan, store, {"student_recovered": 4})
        assert stage.owed(plan, store, worked=True) == []
        gates = store.query("SELECT artifact_id, passed FROM gates ORDER BY batch")
        assert [(row["artifact_id"], row["passed"]) for row in gates] == [
            (lineage.quantized.artifact_id, False),
            (lineage.recovered.artifact_id, True),
        ]


@pytest.mark.parametrize(("more", "right"), [("", 2), (", repair: {steps: 2}", 4)])
def test_nothing_is_recovered_that_passes_or_that_nobody_asked_for(
    folder: Path, more: str, right: int
) -> None:
    plan = _started(folder, more)
    with opened(plan) as store:
        generate(plan, store, Model(reasoning))
        check(plan, store)
        lineage = Lineage(plan.run, store)
        _make(plan, lineage, lineage.student)
        _make(plan, lineage, lineage.quantized)
        _measure(plan, store, {"teacher": 4, "base": 0, "student": 4, "student_quantized": right})
        assert RecoverStage().owed(plan, store, worked=False) == []
        assert [row["passed"] for row in store.query("SELECT passed FROM gates")] == [right == 4]
