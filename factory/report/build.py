"""From the store to the report: the only part of this room that reads the store."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate, candidates
from factory.report.choice import Gate, Trial
from factory.report.compare import compare, find_report, head_to_head
from factory.report.comparison import Outcome
from factory.report.measured import Measured
from factory.report.metric_rows import metric_rows
from factory.report.model import Report
from factory.report.output import write_report
from factory.report.page import DRAWINGS_EXTRA, has_drawings
from factory.report.part import Role
from factory.report.query import Query
from factory.report.run import Loss, Machine, Stage
from factory.report.sample import Reason, Sample, Samples
from factory.report.tables import build_tables, losses_sql, models_sql
from factory.report.yields import CheckYield, ReasonCount, Yield
from factory.search.trials import label, points, search_id, trial_file
from factory.store.store import Store
from factory.system.machine import machine, versions

SHOWN = 10
_CURVES = {
    "eval_exact": "held-out exact",
    "eval_cross_entropy": "held-out loss",
    "eval_divergence": "held-out KL",
    "eval_top1": "held-out top-1",
    "tokens_per_s": "tokens/s",
}

QUERIES = [
    Query(title="Why were samples rejected?", sql="SELECT * FROM yield_by_check"),
    Query(
        title="Where did the teacher hesitate?",
        sql="SELECT * FROM teacher_uncertainty ORDER BY mean_margin LIMIT 20",
    ),
    Query(
        title="Which seeds did a model learn from?",
        sql="SELECT artifact, seed, count(*) AS samples FROM lineage GROUP BY ALL",
    ),
    Query(
        title="Which held-out tasks did the student get wrong?",
        sql="SELECT e.role, p.question, p.output, p.result FROM predictions p "
        "JOIN (SELECT DISTINCT evaluation_id, role FROM evaluations) e USING (evaluation_id) "
        "WHERE e.role = 'student' AND NOT p.right_answer",
    ),
]


def build_report(plan: Plan, store: Store, against: str | None = None) -> tuple[Path, Path]:
    """Write report.html and report.json of the current run into the workspace, and return their paths.

    `against` names another run to compare with (`find_report`).
    """
    other = find_report(against, plan.run.workspace.reports) if against else None
    loaded = plan.run.loaded
    lineage, measured = Lineage(plan.run, store), list[Candidate]()
    if loaded.recipe.evaluate and loaded.recipe.student:
        measured = candidates(plan, lineage)
    evaluations = [candidate.evaluation_id(plan) for candidate in measured]
    training = ""
    if loaded.recipe.student:
        trained = [adapter.artifact_id for _, adapter in lineage.adapters]
        trained += [lineage.tutor.artifact_id] if lineage.tutor else []
        if loaded.recipe.compress and loaded.recipe.compress.recover:
            trained.append(lineage.recovered.artifact_id)
        training = losses_sql(trained)
    outcomes = _outcomes(store, evaluations)
    kept: dict[str, Any] = {"yield": _yield(store)}
    report = Report(
        name=loaded.recipe.name,
        created=datetime.now(UTC),
        machine=Machine.model_validate(machine()),
        versions=versions(),
        models=_models(plan, store, measured),
        **kept,
        losses=_losses(store, training) if training else [],
        samples=Samples(accepted=_accepted(store), rejected=_rejected(store)),
        stages=[
            Stage(name=row["stage"], seconds=row["seconds"], detail=row["detail"])
            for row in store.query(
                "SELECT stage, seconds, detail FROM stages "
                "WHERE run_id = (SELECT run_id FROM current_run) ORDER BY batch"
            )
        ],
        recipe=loaded.text,
        recipe_path=loaded.path.name,
        pedigree=_pedigree(plan, store)
        | _choice(lineage, store, has_student=loaded.recipe.student is not None),
        queries=QUERIES,
        tables=build_tables(store),
        sources=({"losses": training} if training else {})
        | ({"models": models_sql(evaluations)} if evaluations else {}),
        outcomes=outcomes,
        versus=head_to_head(outcomes),
        gates=_gates(store, measured),
        trials=_trials(plan, store) if loaded.recipe.search else [],
    )
    if other is not None:
        report = report.model_copy(update={"comparison": compare(report, other)})
    if not has_drawings():
        plan.run.progress.say(f"the report has no drawings: {DRAWINGS_EXTRA}")
    (run,) = store.query("SELECT run_id FROM current_run")
    return write_report(report, plan.run.workspace.reports, run["run_id"])


def _models(plan: Plan, store: Store, measured: list[Candidate]) -> list[Measured]:
    models = []
    for candidate in measured:
        rows = store.query(
            "SELECT metric, value, low, high, n, unit, better FROM evaluations WHERE evaluation_id = ?",
            [candidate.evaluation_id(plan)],
        )
        if rows:
            models.append(
                Measured(
                    name=candidate.name,
                    role=candidate.role,
                    metrics=metric_rows(rows),
                    precision=candidate.precision,
                    prompting=candidate.prompting,
                )
            )
    return models


def _yield(store: Store) -> Yield:
    (counts,) = store.query(
        "SELECT (SELECT count(DISTINCT (plan_id, position)) FROM plan_items "
        "WHERE plan_id IN (SELECT plan_id FROM current_sources)) AS asked, "
        "count(*) FILTER (edited_from IS NULL) AS answered, count(*) FILTER (accepted) AS accepted, "
        "count(*) FILTER (accepted AND edited_from IS NOT NULL) AS edited, "
        "count(*) FILTER (accepted AND decided_by = 'person' AND sample_id IN "
        "(SELECT sample_id FROM current_verdicts WHERE NOT passed)) AS overruled, "
        "count(*) FILTER (NOT accepted AND decided_by <> 'nobody yet') AS rejected FROM decisions"
    )
    checks: dict[str, dict[str, Any]] = {}
    for row in store.query(
        "SELECT check_name, reason, passed, samples FROM yield_by_check "
        "ORDER BY check_name, samples DESC, reason"
    ):
        check = checks.setdefault(row["check_name"], {"passed": 0, "failed": 0, "reasons": []})
        check["passed" if row["passed"] else "failed"] += row["samples"]
        if not row["passed"]:
            check["reasons"].append(ReasonCount(reason=row["reason"], count=row["samples"]))
    return Yield(
        asked=counts["asked"],
        answered=counts["answered"],
        accepted=counts["accepted"],
        edited=counts["edited"],
        overruled=counts["overruled"],
        rejected=counts["rejected"],
        by_check=[CheckYield(check=name, **check) for name, check in checks.items()],
    )


def _losses(store: Store, sql: str) -> list[Loss]:
    return [
        Loss(
            stage=row["stage"],
            step=row["step"],
            name=_CURVES.get(row["metric"], row["metric"].replace("_", " ")),
            value=row["value"],
        )
        for row in store.query(sql)
    ]


def _outcomes(store: Store, evaluations: list[str]) -> list[Outcome]:
    found: dict[tuple[Role, str], dict[str, bool]] = {}
    for row in store.query(
        "SELECT DISTINCT e.role, a.name, p.task_id, p.right_answer FROM predictions p "
        "JOIN evaluations e USING (evaluation_id) JOIN artifacts a USING (artifact_id) "
        "WHERE list_contains(?, p.evaluation_id) AND p.right_answer IS NOT NULL ORDER BY ALL",
        [evaluations],
    ):
        found.setdefault((row["role"], row["name"]), {})[row["task_id"]] = row["right_answer"]
    return [Outcome(role=role, artifact=name, right=right) for (role, name), right in found.items()]


def _gates(store: Store, measured: list[Candidate]) -> list[Gate]:
    gates = []
    for candidate in measured:
        rows = store.query(
            "SELECT accuracy_drop, max_accuracy_drop, passed FROM gates "
            "WHERE artifact_id = ? ORDER BY batch DESC LIMIT 1",
            [candidate.artifact_id],
        )
        gates += [Gate(role=candidate.role, **row) for row in rows]
    return gates


def _trials(plan: Plan, store: Store) -> list[Trial]:
    figures: dict[int, dict[str, Any]] = {
        one.number: {
            "accuracy": one.accuracy,
            "weight_bytes": int(one.weight_bytes),
            "latency_p50_s": one.latency_s,
            "fits": one.fits,
        }
        for one in points(plan, store)
    }
    return [
        Trial(
            number=row["number"],
            choice=label(json.loads(row["choice"])),
            failure=row["failure"] or "",
            recipe=trial_file(plan, f"trial-{row['number']:03}"),
            **figures.get(row["number"], {}),
        )
        for row in store.query(
            "SELECT number, choice, failure FROM trials WHERE search_id = ? ORDER BY number",
            [search_id(plan)],
        )
    ]


def _accepted(store: Store) -> list[Sample]:
    rows = store.query("SELECT * FROM training_set ORDER BY hash(sample_id) LIMIT ?", [SHOWN])
    return [
        Sample(
            sample_id=row["sample_id"],
            language=row["language"],
            question=row["question"],
            call=_call_text(row["call"]),
            result=row["result"],
            answer=row["answer"],
        )
        for row in rows
    ]


def _rejected(store: Store) -> list[Sample]:
    rows = store.query(
        "SELECT sample_id, any_value(language) AS language, any_value(question) AS question, "
        "any_value(text) AS text, any_value(result) AS result, "
        "list({'check': check_name, 'reason': reason, 'detail': coalesce(detail, '')} ORDER BY check_name) "
        "AS reasons "
        "FROM rejected GROUP BY sample_id ORDER BY hash(sample_id) LIMIT ?",
        [SHOWN],
    )
    return [
        Sample(
            sample_id=row["sample_id"],
            language=row["language"],
            question=row["question"],
            call=row["text"],
            result=row["result"],
            reasons=[Reason(**reason) for reason in row["reasons"]],
        )
        for row in rows
    ]


def _call_text(call: str | None) -> str | None:
    if call is None:
        return None
    value = json.loads(call)
    calls = [value] if isinstance(value, dict) else [one for step in value for one in step]
    return "\n".join(f"{one['name']}({json.dumps(one['arguments'], ensure_ascii=False)})" for one in calls)


def _choice(lineage: Lineage, store: Store, *, has_student: bool) -> dict[str, str | int | float | None]:
    """Return which student ships, where there was a choice (`factory.student.gate`)."""
    if not has_student:
        return {}
    asked = (
        "SELECT json_extract_string(about, '$.gate.shipped') AS stage FROM artifacts WHERE artifact_id = ?"
    )
    stages = [row["stage"] for row in store.query(asked, [lineage.student.artifact_id])]
    return {"student that ships": f"after {stages[0]}"} if stages and stages[0] else {}


def _pedigree(plan: Plan, store: Store) -> dict[str, str | int | float | None]:
    (counts,) = store.query(
        "SELECT (SELECT count(*) FROM seeds) AS seeds, (SELECT count(*) FROM generations) AS generations"
    )
    return {
        "teacher": plan.run.teacher.name,
        "teacher revision": plan.run.teacher.revision,
        "template digest": ", ".join(dict.fromkeys(each.taskset.template_digest for each in plan.plans)),
        "recipe digest": plan.run.loaded.digest,
        "plan": plan.whole_id,
        "seeds": counts["seeds"],
        "answers in the store": counts["generations"],
    }
