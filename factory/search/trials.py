"""The trials of a recipe's search, read out of the store: which there are, what came out of them, and whether that is within the limits."""

import json
from dataclasses import replace

from factory.context import Context
from factory.digest import content_id
from factory.recipe.search import Search
from factory.search.frontier import Point
from factory.search.study import Choice
from factory.store.store import Store


def label(choice: Choice) -> str:
    """Return a choice in a few words."""
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in choice.items())


def search_id(context: Context) -> str:
    """Return the id under which the recipe's trials are kept: its limits and their number may change."""
    settings = context.loaded.recipe.search
    assert settings is not None
    recipe = context.loaded.recipe.model_dump(mode="json", exclude={"search", "name"})
    return content_id({"recipe": recipe, "space": {name: list(values) for name, values in settings.space.items()}})


def points(context: Context, store: Store) -> list[Point]:
    """Return the trials that came to an end, with their figures and whether they fit the recipe's limits."""
    settings = context.loaded.recipe.search
    assert settings is not None
    teacher = teacher_accuracy(store)
    found = []
    for row in store.query("SELECT * FROM trials WHERE search_id = ? AND evaluation_id IS NOT NULL ORDER BY number", [search_id(context)]):
        values = {
            metric["metric"]: metric["value"]
            for metric in store.query("SELECT metric, value FROM evaluations WHERE evaluation_id = ?", [row["evaluation_id"]])
        }
        choice = json.loads(row["choice"])
        point = Point(row["number"], label(choice), values["answer_accuracy"], values["weight_bytes"], values["latency_p50_s"])
        found.append(replace(point, fits=all(amount <= 0 for amount in over(point, settings, teacher).values())))
    return found


def teacher_accuracy(store: Store) -> float | None:
    """Return the teacher's accuracy, as it was measured last."""
    rows = store.query("SELECT value FROM evaluations WHERE metric = 'answer_accuracy' AND role = 'teacher' ORDER BY batch DESC LIMIT 1")
    return rows[0]["value"] if rows else None


def over(point: Point, settings: Search, teacher: float | None) -> dict[str, float]:
    """Return by how much a trial is above each limit, in shares of the limit, of accuracy in shares of the tasks."""
    above = {}
    if settings.most_bytes is not None:
        above["bytes"] = point.weight_bytes / settings.most_bytes - 1
    if settings.most_latency_s is not None:
        above["latency"] = point.latency_s / settings.most_latency_s - 1
    if settings.most_lost is not None and teacher is not None:
        above["accuracy"] = teacher - point.accuracy - settings.most_lost
    return above
