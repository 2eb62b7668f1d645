"""Stores of every age open with all their rows, newer ones are refused, and the published schema is the one
that a new store has."""

import datetime
import errno
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from factory.doctor.store import examine_store
from factory.errors import FactoryError
from factory.serve.chat import known_tools
from factory.serve.server import choose
from factory.store.ledger import Entry
from factory.store.schema import store_sql
from factory.store.store import batch_content, read_columns
from factory.system.resources import resource
from factory.workspace import Workspace
from tests.support.sample_rows import digests, make_workspace, open_store

MIGRATIONS = sorted((Path(__file__).parents[3] / "factory" / "store" / "migrations").glob("*.sql"))
NUMBERS = [int(path.name[:4]) for path in MIGRATIONS]
VIEWS = {
    "current_run", "current_sources", "current_samples", "current_verdicts", "person_verdicts", "decisions",
    "training_set",
    "rejected", "yield_by_check",
    "lineage", "teacher_uncertainty", "token_uncertainty", "disagreements", "near_duplicates", "coverage",
    "length_outliers", "throughput",
    "cost", "leaderboard", "runs_compared", "judge_agreement",
}  # fmt: skip
CATALOG = {
    "tables": (
        "SELECT table_name, sql, comment FROM duckdb_tables() WHERE table_name <> 'migrations' ORDER BY 1"
    ),
    "columns": "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
    "WHERE table_name <> 'migrations' AND NOT internal "
    "ORDER BY 1, column_index",
    "views": "SELECT view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY 1",
}


def catalog(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    """Everything that a person can ask of tables and views, but for the list of migrations, which is the
    store's own."""
    return {name: connection.execute(sql).fetchall() for name, sql in CATALOG.items()}


def test_the_published_schema_has_not_drifted() -> None:
    published = resource("schemas", "store.sql").read_text(encoding="utf-8")
    assert published == store_sql(), "run: python -m factory.store.schema > schemas/store.sql"


def test_the_published_schema_gives_the_tables_and_views_of_a_store(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with duckdb.connect(str(workspace.store), read_only=True) as store, duckdb.connect() as empty:
        empty.execute(store_sql())
        assert catalog(empty) == catalog(store)


def test_every_table_view_and_column_says_what_it_holds(tmp_path: Path) -> None:
    with open_store(make_workspace(tmp_path)) as store:
        views = {
            row["view_name"]: row["comment"]
            for row in store.query("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal")
        }
        tables = {
            row["table_name"]: row["comment"]
            for row in store.query("SELECT table_name, comment FROM duckdb_tables()")
        }
        silent = store.query(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE NOT internal AND coalesce(comment, '') = ''"
        )
    assert set(views) == VIEWS
    assert all(views.values())
    assert all(tables.values())
    assert silent == []


def test_every_view_shows_the_finished_run(tmp_path: Path) -> None:
    with open_store(make_workspace(tmp_path)) as store:
        shown = {view: store.query(f"SELECT * FROM {view}") for view in VIEWS}
    assert {view for view, rows in shown.items() if not rows} == {
        "person_verdicts",
        "disagreements",
        "near_duplicates",
        "length_outliers",
    }
    assert sorted(row["sample_id"] for row in shown["training_set"]) == ["b2:sample0", "b2:sample1"]
    rejected = [(row["sample_id"], row["check_name"], row["reason"]) for row in shown["rejected"]]
    assert rejected == [("b2:sample2", "execution", "wrong_result")]
    uncertain = {
        (row["mean_logprob"], row["lowest_logprob"], row["mean_margin"])
        for row in shown["teacher_uncertainty"]
    }
    assert uncertain == {(-0.375, -0.5, 1.5)}


def oldest(root: Path) -> Workspace:
    """Make a workspace with two batches under the oldest schema, as the factory of that time would have."""
    workspace = Workspace(root)
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute(
            "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name VARCHAR NOT NULL, "
            "applied_at TIMESTAMP NOT NULL)"
        )
        connection.execute(MIGRATIONS[0].read_text(encoding="utf-8"))
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?, now()::TIMESTAMP)", [NUMBERS[0], MIGRATIONS[0].stem]
        )
        for batch in (1, 2):
            at = datetime.datetime(2025, 11, 24, 3, batch)
            connection.execute("INSERT INTO training_log VALUES ('a', 'sft', 1, 'loss', 0.5, ?)", [batch])
            content = {
                "training_log": batch_content(
                    connection, "training_log", batch, list(read_columns(connection)["training_log"])
                )
            }
            connection.execute("INSERT INTO batches VALUES (?, ?, ?)", [batch, at, json.dumps(content)])
            workspace.ledger.append(Entry(batch, at.isoformat(), duckdb.__version__, content))
    return workspace


def test_the_oldest_store_becomes_the_newest_with_all_its_rows(tmp_path: Path) -> None:
    workspace = oldest(tmp_path)
    with open_store(workspace) as store, duckdb.connect() as new:
        assert [
            row["number"] for row in store.query("SELECT number FROM migrations ORDER BY number")
        ] == NUMBERS
        assert [row["batch"] for row in store.query("SELECT batch FROM training_log ORDER BY batch")] == [
            1,
            2,
        ]
        new.execute(store_sql())
        assert store.query(CATALOG["columns"]) == [
            dict(zip(("table_name", "column_name", "data_type", "comment"), row, strict=True))
            for row in catalog(new)["columns"]
        ]
        assert (
            store.commit(
                training_log=[
                    {"artifact_id": "a", "stage": "sft", "step": 2, "metric": "loss", "value": 0.25}
                ]
            )
            == 3
        )
    copies = list(tmp_path.glob("factory.schema-*"))
    assert [copy.name for copy in copies] == (
        [] if len(NUMBERS) == 1 else [f"factory.schema-{NUMBERS[0]}.duckdb"]
    )
    for copy in copies:
        with duckdb.connect(str(copy), read_only=True) as connection:
            assert connection.execute("SELECT max(number) FROM migrations").fetchall() == [(NUMBERS[0],)]
            assert connection.execute("SELECT count(*) FROM training_log").fetchall() == [(2,)]


def test_migrations_are_numbered_without_gaps() -> None:
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, 'from_the_future', now()::TIMESTAMP)")
    before = digests(tmp_path)
    with pytest.raises(FactoryError, match=f"has schema 9999, this factory supports up to {NUMBERS[-1]}"):
        open_store(workspace)
    assert digests(tmp_path) == before


def test_without_room_for_the_copy_an_older_store_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = oldest(tmp_path)

    def full(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("factory.store.store.shutil.copy2", full)
    with pytest.raises(FactoryError, match="cannot be copied before it is updated: No space left"):
        open_store(workspace)
    assert list(tmp_path.glob("factory.schema-*")) == []
    monkeypatch.undo()
    with open_store(workspace) as store:
        assert len(store.query("SELECT 1 FROM training_log")) == 2


def test_an_older_store_is_told_by_what_only_reads(tmp_path: Path) -> None:
    workspace = oldest(tmp_path)
    for read in (lambda: choose(workspace, None), lambda: known_tools(workspace)):
        with pytest.raises(
            FactoryError,
            match=r"factory.duckdb has the schema of an older factory\n.*updated by: factory check",
        ):
            read()
    found = [finding for finding in examine_store(workspace) if "older factory" in finding.what]
    assert [(finding.state, finding.mend) for finding in found] == [("note", None)]
