"""A store of an earlier schema is migrated: its rows stay as they are, its ledger still holds, a copy is
kept."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from factory.doctor import examine
from factory.store.ledger import Entry
from factory.workspace import Workspace
from tests.support.sample_rows import finished, open_store

MIGRATIONS = Path(__file__).parents[3] / "factory" / "store" / "migrations"
AT = datetime(2026, 11, 24, 3, 0, 0)


def first_store(root: Path) -> Workspace:
    """Make a store as the first schema had it, rows and ledger as its writer left them."""
    workspace = Workspace(root)
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute((MIGRATIONS / "0001_first.sql").read_text(encoding="utf-8"))
        connection.execute(
            "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        connection.execute("INSERT INTO migrations VALUES (1, '0001_first', ?)", [AT])
        content: dict[str, dict[str, Any]] = {}
        for table, rows in finished().items():
            known = {
                name
                for (name,) in connection.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [table]
                ).fetchall()
            }
            for row in rows if known else []:
                values = {
                    name: json.dumps(value) if isinstance(value, dict) else value
                    for name, value in row.items()
                    if name in known
                }
                names = ", ".join(f'"{name}"' for name in values)
                connection.execute(
                    f'INSERT INTO "{table}" ({names}, batch) VALUES ({", ".join("?" * len(values))}, 1)',
                    [*values.values()],
                )
            if known and rows:
                digest = connection.execute(
                    "SELECT count(*), sha256(string_agg(digest, '' ORDER BY digest)) "
                    f'FROM (SELECT sha256(t::VARCHAR) AS digest FROM "{table}" t WHERE batch = 1)'
                ).fetchone()
                assert digest
                content[table] = {"rows": digest[0], "digest": digest[1]}
        connection.execute("INSERT INTO batches VALUES (1, ?, ?)", [AT, json.dumps(content)])
    workspace.ledger.append(Entry(1, AT.isoformat(), duckdb.__version__, content))
    return workspace


def told(workspace: Workspace) -> list[tuple[str, str]]:
    return [(finding.state, finding.what) for finding in examine(workspace)]


def test_the_rows_and_the_ledger_hold(tmp_path: Path) -> None:
    workspace = first_store(tmp_path)
    before = told(workspace)
    with open_store(workspace) as store:
        accepted = store.query("SELECT sample_id, family, input FROM training_set ORDER BY position")
        store.commit(runs=[finished()["runs"][0] | {"run_id": "b2:second", "wanted": 1}])
        limited = store.query("SELECT sample_id FROM training_set")
    assert [row["sample_id"] for row in accepted] == ["b2:sample0", "b2:sample1"], (
        "a run that asked for no number shows all"
    )
    assert {(row["family"], row["input"]) for row in accepted} == {("product", "")}
    assert [row["sample_id"] for row in limited] == ["b2:sample0"]
    assert before[0][0] == told(workspace)[0][0] == "ok"


def test_a_value_in_an_added_column_is_covered(tmp_path: Path) -> None:
    workspace = first_store(tmp_path)
    with open_store(workspace):
        pass
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("UPDATE samples SET family = 'another' WHERE sample_id = 'b2:sample0'")
    assert ("fault", "batch 1, samples: rows are not what they were") in told(workspace)


def test_a_copy_of_the_old_store_is_kept(tmp_path: Path) -> None:
    workspace = first_store(tmp_path)
    with open_store(workspace):
        pass
    with duckdb.connect(str(tmp_path / "factory.schema-1.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT max(number) FROM migrations").fetchone() == (1,)
