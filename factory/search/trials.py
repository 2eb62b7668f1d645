"""Trials of a recipe's search, read from the store: their results, and whether they meet the limits."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from factory.context.lineage import training_identity
from factory.context.plan import Plan
from factory.evaluate.candidate import main_metric, teacher_candidate
from factory.recipe.search import Search
from factory.search.frontier import Point
from factory.store.store import Store
from factory.system.digest import content_id

if TYPE_CHECKING:
    # The report reads trials where nothing that searches is installed.
    from factory.search.study import Choice


def label(choice: "Choice") -> str:
    """Return a choice in a few words."""
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in choice.items()
    )


def search_id(plan: Plan) -> str:
    """Return the id under which the recipe's trials are kept: of what decides what comes of a choice, by
    contents, and of what can be chosen. Limits, gate and the number of trials may change."""
    recipe, settings = plan.run.loaded.recipe, plan.run.loaded.recipe.search
    assert settings is not None
    compress = (
        recipe.compress.identity(mode="json", exclude={"max_accuracy_drop", "recover"})
        if recipe.compress
        else None
    )
    # Every kind has the key rationale_weight: the ids are older than the registry of kinds.
    deciding: dict[str, Any] = {"rationale_weight": None} | training_identity(recipe.sources)
    deciding |= {
        "plan": plan.whole_id,
        "target": plan.target_id if len(plan.plans) == 1 else [each.target_id for each in plan.plans],
        "base": [plan.run.base.name, plan.run.base.revision],
        "student": plan.run.student.identity(mode="json"),
        "compress": compress,
        "evaluate": plan.run.evaluation.identity(mode="json", exclude={"held_out"}),
        "held_out": sorted(task.seed_id for each in plan.plans for task in each.held_out),
        "space": {name: list(values) for name, values in settings.space.items()},
    }
    return content_id(deciding)


def trial_file(plan: Plan, name: str) -> str:
    """Return where a trial's recipe lies, as a path below the workspace."""
    return f"search/{search_id(plan)[3:13]}/{name}.yaml"


def points(plan: Plan, store: Store) -> list[Point]:
    """Return the finished trials, with their figures and whether they fit the recipe's limits."""
    settings = plan.run.loaded.recipe.search
    assert settings is not None
    teacher = teacher_accuracy(plan, store)
    found = []
    for row in store.query(
        "SELECT * FROM trials WHERE search_id = ? AND evaluation_id IS NOT NULL ORDER BY number",
        [search_id(plan)],
    ):
        values = {
            metric["metric"]: metric["value"]
            for metric in store.query(
                "SELECT metric, value FROM evaluations WHERE evaluation_id = ?", [row["evaluation_id"]]
            )
        }
        if "latency_p50_s" not in values:
            # Every question was too long for its speed to be measured.
            continue
        choice = json.loads(row["choice"])
        point = Point(
            row["number"],
            label(choice),
            values[main_metric(plan)],
            values["weight_bytes"],
            values["latency_p50_s"],
        )
        found.append(
            replace(point, fits=all(amount <= 0 for amount in over(point, settings, teacher).values()))
        )
    return found


def teacher_accuracy(plan: Plan, store: Store) -> float | None:
    """Return the teacher's accuracy, or preference, on the recipe's tasks, None before it was measured."""
    teacher = teacher_candidate(plan).evaluation_id(plan)
    rows = store.query(
        "SELECT value FROM evaluations WHERE metric = ? AND evaluation_id = ?", [main_metric(plan), teacher]
    )
    return rows[0]["value"] if rows else None


def over(point: Point, settings: Search, teacher: float | None) -> dict[str, float]:
    """Return by how much a trial is above each limit, in shares of the limit, of accuracy in shares of the
    tasks."""
    above = {}
    if settings.max_bytes is not None:
        above["bytes"] = point.weight_bytes / settings.max_bytes - 1
    if settings.max_latency_s is not None:
        above["latency"] = point.latency_s / settings.max_latency_s - 1
    if settings.max_accuracy_drop is not None and teacher is not None:
        above["accuracy"] = teacher - point.accuracy - settings.max_accuracy_drop
    return above
