"""Accuracy gate: a compressed model may lose no more of the student's accuracy than the recipe allows.

Both accuracies are counted on the held-out tasks that both answered; where no answer is the right one, a task
counts as the judge's preference does: 1, a half for a tie, or 0. Promise: the decision is in the store
(`gates`), for `factory serve` and for people. A model that fails stays, and can be asked for by its name.
"""

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.store.store import Store


def may_ship(plan: Plan, store: Store, small: Candidate, student: Candidate) -> bool:
    """Decide about a compressed model that was evaluated, against the student that it was made from, and
    enter it."""
    settings = plan.run.loaded.recipe.compress
    assert settings is not None
    latest = store.query(
        "SELECT artifact_id, baseline_id, accuracy_drop, max_accuracy_drop, passed FROM gates WHERE "
        "artifact_id = ? ORDER BY batch DESC LIMIT 1",
        [small.artifact_id],
    )
    allowed = settings.max_accuracy_drop
    if allowed is None:
        if not latest or latest[0]["passed"]:
            return True
        # What an earlier recipe refused is let through now.
        allowed = 1.0
    (found,) = store.query(
        "WITH credits AS (SELECT evaluation_id, task_id, coalesce(right_answer::DOUBLE, credit) AS credit "
        "FROM predictions LEFT JOIN preferences USING (evaluation_id, task_id)) "
        "SELECT (sum(o.credit) - sum(p.credit)) / count(*) AS accuracy_drop FROM credits p "
        "JOIN credits o USING (task_id) WHERE p.evaluation_id = ? AND o.evaluation_id = ?",
        [small.evaluation_id(plan), student.evaluation_id(plan)],
    )
    gate = {
        "artifact_id": small.artifact_id,
        "baseline_id": student.artifact_id,
        "accuracy_drop": found["accuracy_drop"],
        "max_accuracy_drop": allowed,
        "passed": found["accuracy_drop"] <= allowed,
    }
    if latest != [gate]:
        store.commit(gates=[gate])
        outcome = "passes" if gate["passed"] else "fails"
        plan.run.progress.say(
            f"  {small.name} loses {found['accuracy_drop']:.1%} of the tasks, "
            f"{allowed:.1%} are allowed: it {outcome} the accuracy gate"
        )
    return bool(gate["passed"])
