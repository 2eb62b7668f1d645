"""What generation holds in memory does not grow with what the store held before."""

from pathlib import Path
from typing import Any

import pytest

from factory.generate.check import unjudged
from factory.generate.stage import generate
from factory.store.store import Store
from tests.support.scripted import Model, call, checks, count, edit, load, opened, project, reasoning

MANY, FEW = 60, 5


@pytest.fixture
def largest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each answer that the store gave."""
    seen: list[int] = []
    query = Store.query

    def counting(store: Store, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        rows = query(store, sql, parameters)
        seen.append(len(rows))
        return rows

    monkeypatch.setattr(Store, "query", counting)
    return seen


def test_samples_of_another_plan_are_not_read(tmp_path: Path, largest: list[int]) -> None:
    path = project(tmp_path, "tool_call", f"count: {MANY}", more=checks("tool_call"))
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(call))
        assert count(store, "samples") >= MANY
    edit(path, f"count: {MANY}", f"count: {FEW}")
    edit(path, "model: tiny", "model: another")
    context = load(tmp_path)
    with opened(context) as store:
        before = count(store, "samples")
        largest.clear()
        generate(context, store, Model(call))
        assert count(store, "samples") - before >= FEW
        assert max(largest) < MANY


def test_what_is_stored_under_another_plan_stays_as_it_is(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 99", "samples_per_prompt: 1", more=checks("rationale"))
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(reasoning))
        made = store.query("SELECT * FROM samples")
    # Another plan, which begins with the same requests, and another check.
    edit(path, "samples_per_prompt: 1", "samples_per_prompt: 2")
    edit(path, checks("rationale"), checks("rationale", "degenerate"))
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(reasoning))
        assert unjudged(context, store) == 0
        rows = {row["sample_id"]: row for row in store.query("SELECT * FROM samples")}
        assert [rows[row["sample_id"]] for row in made] == made
        assert count(store, "current_samples") == len(rows) == 2 * len(made)
