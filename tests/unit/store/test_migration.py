"""A store of an earlier schema is migrated: its rows stay as they are, its ledger still holds, a copy is
kept."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from factory.doctor import examine
from factory.review.verdicts import Verdicts
from factory.store.ledger import Entry
from factory.store.store import batch_content, migrations, read_columns
from factory.workspace import Workspace
from tests.support.sample_rows import finished, open_store

AT = datetime(2026, 11, 24, 3, 0, 0)
FIRST_WORDS = {"plan_items": "requests", "dedup_key": "content_id", "target_count": "wanted"}


def old_store(root: Path, schema: int, tables: dict[str, list[dict[str, Any]]]) -> Workspace:
    """Make a store as a schema had it, rows and ledger as its writer left them."""
    workspace = Workspace(root)
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute(
            "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP "
            "NOT NULL)"
        )
        for number in range(1, schema + 1):
            connection.execute(migrations()[number].read_text(encoding="utf-8"))
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", [number, f"{number:04}", AT])
        columns = read_columns(connection)
        content: dict[str, dict[str, Any]] = {}
        for name, rows in tables.items():
            table = FIRST_WORDS.get(name, name)
            if table not in columns or not rows:
                continue
            for row in rows:
                _insert(connection, table, list(columns[table]), row)
            content[table] = (
                _first_content(connection, table)
                if schema == 1
                else batch_content(connection, table, 1, list(columns[table]))
            )
        connection.execute("INSERT INTO batches VALUES (1, ?, ?)", [AT, json.dumps(content)])
    workspace.ledger.append(Entry(1, AT.isoformat(), duckdb.__version__, content))
    return workspace


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], row: dict[str, Any]
) -> None:
    values = {
        FIRST_WORDS.get(name, name): json.dumps(value) if isinstance(value, dict) else value
        for name, value in row.items()
    } | {"batch": 1}
    values = {name: value for name, value in values.items() if name in columns}
    names = ", ".join(f'"{name}"' for name in values)
    connection.execute(
        f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(values))})', [*values.values()]
    )


def _first_content(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    """Return number and digest of the rows as the first factory worked them out."""
    digest = connection.execute(
        "SELECT count(*), sha256(string_agg(digest, '' ORDER BY digest)) "
        f'FROM (SELECT sha256(t::VARCHAR) AS digest FROM "{table}" t WHERE batch = 1)'
    ).fetchone()
    assert digest
    return {"rows": digest[0], "digest": digest[1]}


def told(workspace: Workspace) -> list[tuple[str, str]]:
    return [(finding.state, finding.what) for finding in examine(workspace)]


def test_the_rows_and_the_ledger_hold(tmp_path: Path) -> None:
    workspace = old_store(tmp_path, 1, finished())
    before = told(workspace)
    with open_store(workspace) as store:
        accepted = store.query("SELECT sample_id, family, input FROM training_set ORDER BY position")
        store.commit(runs=[finished()["runs"][0] | {"run_id": "b2:second", "target_count": 1}])
        limited = store.query("SELECT sample_id FROM training_set")
    assert [row["sample_id"] for row in accepted] == ["b2:sample0", "b2:sample1"], (
        "a run that asked for no number shows all"
    )
    assert {(row["family"], row["input"]) for row in accepted} == {("product", "")}
    assert [row["sample_id"] for row in limited] == ["b2:sample0"]
    assert before[0][0] == told(workspace)[0][0] == "ok"


def test_a_value_in_an_added_column_is_covered(tmp_path: Path) -> None:
    workspace = old_store(tmp_path, 1, finished())
    with open_store(workspace):
        pass
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("UPDATE samples SET family = 'another' WHERE sample_id = 'b2:sample0'")
    assert ("fault", "batch 1, samples: rows are not what they were") in told(workspace)


def test_a_copy_of_the_old_store_is_kept(tmp_path: Path) -> None:
    workspace = old_store(tmp_path, 1, finished())
    with open_store(workspace):
        pass
    with duckdb.connect(str(tmp_path / "factory.schema-1.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT max(number) FROM migrations").fetchone() == (1,)


def fourth_rows() -> dict[str, list[dict[str, Any]]]:
    """Return rows whose words changed after the fourth schema."""
    figure = {"artifact_id": "b2:a", "value": 0.5, "n": 4}
    return finished() | {
        "gates": [{"artifact_id": "b2:a", "against": "b2:b", "lost": 0.1, "most_lost": 0.2, "passed": True}],
        "evaluations": [
            figure | {"evaluation_id": f"b2:{role}", "role": role, "metric": "answer_accuracy"}
            for role in ("student", "student_repaired")
        ],
        "stages": [
            {"run_id": "b2:run", "stage": stage, "seconds": 1, "peak_memory_bytes": 1, "detail": ""}
            for stage in ("compress", "repair")
        ],
        "training_log": [{"artifact_id": "b2:a", "stage": "repair", "step": 1, "metric": "loss", "value": 1}],
        "artifact_samples": [
            {"artifact_id": "b2:a", "sample_id": f"b2:sample{i}", "role": role}
            for i, role in enumerate(("train", "watch", "calibrate"))
        ],
    }


def test_renamed_tables_columns_and_codes_keep_their_rows_and_their_digests(tmp_path: Path) -> None:
    workspace = old_store(tmp_path, 4, fourth_rows())
    before = told(workspace)
    with open_store(workspace) as store:
        (gate,) = store.query("SELECT * EXCLUDE (batch) FROM gates")
        assert gate == {
            "artifact_id": "b2:a",
            "baseline_id": "b2:b",
            "accuracy_drop": 0.1,
            "max_accuracy_drop": 0.2,
            "passed": True,
        }
        assert store.query("SELECT count(*) AS n FROM plan_items") == [{"n": len(finished()["plan_items"])}]
        assert store.query("SELECT DISTINCT target_count FROM runs") == [{"target_count": 10}]
        for sql, words in {
            "SELECT role AS word FROM evaluations ORDER BY ALL": ["student", "student_recovered"],
            "SELECT stage AS word FROM stages ORDER BY ALL": ["compress", "recover"],
            "SELECT stage AS word FROM training_log": ["recover"],
            "SELECT role AS word FROM artifact_samples ORDER BY ALL": ["calibrate", "train", "validation"],
        }.items():
            assert [row["word"] for row in store.query(sql)] == words
        store.commit(
            stages=[fourth_rows()["stages"][0] | {"stage": "recover"}],
            plan_items=[finished()["plan_items"][0] | {"position": 100}],
        )
    assert before[0][0] == told(workspace)[0][0] == "ok"
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("DELETE FROM plan_items WHERE position = 100")
    assert ("fault", "batch 2, plan_items: 0 rows, the ledger has 1") in told(workspace)


def _person(sample: str, number: int, reason: str, detail: str | None) -> dict[str, Any]:
    return {
        "sample_id": sample,
        "check_key": f"person:{number:06}",
        "check_name": "person",
        "passed": reason == "ok",
        "reason": reason,
        "detail": detail,
        "judged_at": AT,
    }


def test_undoing_by_note_becomes_a_column_and_a_typed_note_stays_a_note(tmp_path: Path) -> None:
    rows = finished()
    rows["verdicts"] += [
        _person("b2:sample0", 0, "ok", None),
        _person("b2:sample0", 1, "unclear", "which?"),
        _person("b2:sample0", 2, "ok", "undo of person:000001"),
        _person("b2:sample1", 0, "unclear", "why?"),
        _person("b2:sample1", 1, "withdrawn", "undo of person:000000"),
        _person("b2:sample2", 0, "ok", None),
        _person("b2:sample2", 1, "unclear", "undo of person:000000"),
    ]
    workspace = old_store(tmp_path, 4, rows)
    with open_store(workspace) as store:
        found = store.query(
            "SELECT sample_id, detail, undoes FROM verdicts WHERE check_name = 'person' "
            "ORDER BY sample_id, check_key"
        )
    assert [(row["sample_id"][-1], row["detail"], row["undoes"]) for row in found] == [
        ("0", None, None),
        ("0", "which?", None),
        ("0", None, "person:000001"),
        ("1", "why?", None),
        ("1", None, "person:000000"),
        ("2", None, None),
        ("2", "undo of person:000000", None),
    ]
    assert told(workspace)[0][0] == "ok", "the ledger holds"
    # Undone once more, what was said first counts: the typed note took nothing back.
    Verdicts(workspace).undo("b2:sample2")
    with open_store(workspace) as store:
        said = store.query("SELECT passed, reason FROM person_verdicts WHERE sample_id = 'b2:sample2'")
    assert said == [{"passed": True, "reason": "ok"}]
    assert told(workspace)[0][0] == "ok"
