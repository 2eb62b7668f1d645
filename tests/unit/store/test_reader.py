"""A question changes nothing, reaches nothing, and ends: each statement here is hostile, and the answer is a
sentence."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factory.errors import FactoryError, InputError
from factory.store.reader import Limits, ask, ask_all
from factory.workspace import Workspace
from tests.support.sample_rows import EVIL, digests, make_workspace
from tests.support.store_writer import ROOT

LIMITS = Limits(seconds=300, rows=1000, bytes=1 << 20)
SHORT = Limits(seconds=1, rows=1000, bytes=1 << 20)
CANARY = "canary-b1946ac9"

REFUSED = [
    "DROP TABLE samples",
    "DROP VIEW training_set",
    "DELETE FROM samples",
    "UPDATE samples SET answer = 'x'",
    "INSERT INTO batches VALUES (99, now(), '{}')",
    "TRUNCATE samples",
    "ALTER TABLE samples ADD COLUMN x INTEGER",
    "COMMENT ON TABLE samples IS 'x'",
    "CREATE TABLE x (i INTEGER)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "SELECT 1; DROP TABLE samples",
    "SELECT 1; SELECT 2",
    "",
    "-- nothing",
    "nonsense",
    "SELECT * FROM no_such_table",
    "SELECT '\ud800'",
    "COPY samples TO '{here}/out.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "COPY samples FROM '/etc/passwd'",
    "EXPORT DATABASE '{here}/out'",
    "IMPORT DATABASE '{here}/out'",
    "ATTACH '{here}/other.duckdb'",
    "ATTACH ':memory:' AS other",
    "ATTACH '{store}' AS again",
    "DETACH factory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "SET VARIABLE x = 1",
    "RESET max_execution_time",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "PRAGMA log_query_path = '{here}/queries'",
    "CALL enable_logging()",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "USE memory",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "CREATE SECRET s (TYPE http)",
    "SELECT content FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('{here}/x.parquet')",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "FROM '{here}/factory.ledger.jsonl'",
    "SELECT * FROM sql",
    "SELECT * FROM query('DROP TABLE samples')",
    "SELECT * FROM query_table('/etc/passwd')",
    "SELECT getenv('HF_TOKEN')",
    "SELECT current_setting('HF_TOKEN')",
    "SELECT content FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_blob('/proc/self/fd/0')",
    "SELECT * FROM read_duckdb('{store}')",
    "FROM sqlite_scan('{here}/factory.duckdb', 'samples')",
    (
        "SELECT * FROM json_execute_serialized_sql("
        "json_serialize_sql('SELECT content FROM read_text(''/etc/passwd'')'))"
    ),
    "PIVOT (SELECT content FROM read_text('/etc/passwd')) ON content USING count(*)",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SUMMARIZE SELECT * FROM read_csv('/etc/passwd')",
    "DESCRIBE SELECT * FROM '{here}/factory.ledger.jsonl'",
    "MERGE INTO samples USING seeds ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES",
    "CREATE OR REPLACE VIEW training_set AS SELECT 1",
    "CREATE SEQUENCE numbers",
    "CREATE TYPE mood AS ENUM ('x')",
    "EXPLAIN ANALYZE DELETE FROM samples",
    "EXPLAIN ANALYZE COPY samples TO '{here}/out.csv'",
    "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
    "WITH x AS (DELETE FROM samples RETURNING *) SELECT * FROM x",
    "SELECT " + "(" * 300 + "1" + ")" * 300,
    "SELECT " + "1+" * 3000 + "1",
]

CUT_OFF = [
    "SELECT repeat('x', 2000000000)",
    "SELECT length(repeat('x', 2000000000))",
    "SELECT repeat('x', 2000000) FROM range(10)",
    "SELECT list(i) FROM range(1000000000) t(i)",
    "SELECT printf('%2000000000d', 1)",
    "SELECT rpad('x', 2000000000, 'y')",
    "SELECT list_resize([1], 2000000000)",
    "SELECT levenshtein(repeat('x', 500000), repeat('y', 500000))",
    "SELECT string_agg(i::VARCHAR, ',') FROM range(1000000000) t(i)",
    "SELECT count(DISTINCT hash(i)) FROM range(10000000000) t(i)",
    "SELECT count(*) FROM range(1000000000) a, range(1000000000) b",
    "SELECT i FROM range(100000000) t(i) ORDER BY hash(i)",
    "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t",
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("reader"))


@pytest.fixture(autouse=True)
def nothing_changes(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Around each question: a secret in the environment, an empty current folder, and the same files after it
    as before it."""
    monkeypatch.setenv("HF_TOKEN", CANARY)
    monkeypatch.chdir(tmp_path)
    before = digests(workspace.root)
    yield
    assert digests(workspace.root) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: repr(sql[:48]))
def test_refused(workspace: Workspace, sql: str) -> None:
    with pytest.raises(InputError) as caught:
        ask(
            workspace.store,
            sql.replace("{here}", str(workspace.root)).replace("{store}", str(workspace.store)),
            LIMITS,
        )
    assert caught.value.message
    assert CANARY not in str(caught.value)
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize("sql", CUT_OFF)
def test_cut_off(workspace: Workspace, sql: str) -> None:
    with pytest.raises(FactoryError, match="stopped|larger than") as caught:
        ask(workspace.store, sql, SHORT)
    assert not isinstance(caught.value, InputError)


HARMLESS = [
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_variables()",
    "SELECT * FROM which_secret('https://example.com', 'http')",
    "SELECT * FROM duckdb_logs_parsed('QueryLog')",
    "SELECT * FROM duckdb_temporary_files()",
]


@pytest.mark.parametrize("sql", HARMLESS)
def test_the_environment_is_not_to_be_seen(workspace: Workspace, sql: str) -> None:
    answer = ask(workspace.store, sql, LIMITS)
    assert CANARY not in str(answer)
    assert os.environ["PATH"] not in str(answer)


def test_a_hundred_million_rows_are_cut_at_the_limit(workspace: Workspace) -> None:
    answer = ask(workspace.store, "SELECT * FROM range(100000000)", LIMITS)
    assert answer.cut
    assert answer.rows == [[number] for number in range(LIMITS.rows)]


def test_as_many_rows_as_the_limit_are_not_cut(workspace: Workspace) -> None:
    answer = ask(workspace.store, f"SELECT * FROM range({LIMITS.rows})", LIMITS)
    assert len(answer.rows) == LIMITS.rows
    assert not answer.cut


def test_tables_views_and_plans_are_answered(workspace: Workspace) -> None:
    assert ask(workspace.store, "SELECT count(*) AS n FROM samples", LIMITS).rows == [[3]]
    assert [row[0] for row in ask(workspace.store, "FROM rejected", LIMITS).rows] == ["b2:sample2"]
    assert ask(workspace.store, "SHOW TABLES", LIMITS).rows
    assert "training_log" in ask(workspace.store, "EXPLAIN SELECT * FROM training_log", LIMITS).rows[0][1]
    assert ask(workspace.store, "WITH x AS (SELECT 2 AS a) SELECT a FROM x;", LIMITS).rows == [[2]]


def test_values_come_as_plain_ones(workspace: Workspace) -> None:
    sql = (
        "SELECT NULL AS none, true AS yes, 7 AS seven, 2::HUGEINT ** 3 AS eight, 0.5::DOUBLE AS half, "
        "'nan'::DOUBLE AS nan, "
        "'-inf'::FLOAT AS low, DATE '2025-11-24' AS day, [1, NULL] AS list, {'a': [1.5::FLOAT]} AS struct, "
        "MAP {'k': 1} AS map, "
        "(SELECT question FROM rejected) AS evil"
    )
    answer = ask(workspace.store, sql, LIMITS)
    assert dict(zip(answer.columns, answer.rows[0], strict=True)) == {
        "none": None, "yes": True, "seven": 7, "eight": 8, "half": 0.5, "nan": "nan", "low": "-inf",
        "day": "2025-11-24", "list": [1, None],
        "struct": {"a": [1.5]}, "map": {"k": 1}, "evil": EVIL,
    }  # fmt: skip


def test_columns_of_one_name_are_told_apart(workspace: Workspace) -> None:
    answer = ask(workspace.store, "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a", LIMITS)
    assert len(set(answer.columns)) == 4
    assert answer.columns[0] == "a"


def test_a_time_with_a_zone_says_what_to_do(workspace: Workspace) -> None:
    try:
        answer = ask(workspace.store, "SELECT TIMESTAMPTZ '2025-11-24 03:00:00+00' AS at", LIMITS)
    except InputError as error:
        assert "cast it" in error.message
    else:
        assert "2025-11-24" in answer.rows[0][0]


def test_a_module_in_the_current_folder_is_not_imported(workspace: Workspace, tmp_path: Path) -> None:
    trap = tmp_path / "json.py"
    trap.write_text("raise SystemExit(3)")
    assert ask(workspace.store, "SELECT 1 AS a", LIMITS).rows == [[1]]
    trap.unlink()


HARD_LIMITS = """
import json, resource, signal
from factory.store import reader

def limits(*_):
    kinds = ("AS", "CPU")
    limits = {kind: resource.getrlimit(getattr(resource, f"RLIMIT_{kind}")) for kind in kinds}
    alarm = signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    return limits | {"timer": signal.getitimer(signal.ITIMER_REAL)[0], "alarm": alarm}

reader._answer_all = limits
reader.main()
"""


def test_a_question_is_ended_by_the_kernel_within_a_second_of_its_time() -> None:
    question = {
        "store": "",
        "statements": [],
        "limits": {"seconds": 20, "memory": 1 << 30},
        "started": time.monotonic(),
    }
    done = subprocess.run(
        [sys.executable, "-c", HARD_LIMITS],
        input=json.dumps(question).encode(),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert 0 < told["timer"] <= 21 and told["alarm"]
    assert told["AS"] == [1 << 30, 1 << 30]
    assert told["CPU"] == [42, 42], "two threads, and the start"


def test_the_clock_of_a_question_runs_before_its_process_does() -> None:
    question = {"store": "", "statements": [], "limits": {"seconds": 20}, "started": time.monotonic() - 21}
    command = [sys.executable, "-m", "factory.store.reader"]
    assert (
        subprocess.run(command, input=json.dumps(question).encode(), cwd=ROOT, check=False).returncode
        == -signal.SIGALRM
    )


def test_what_does_not_listen_is_ended_all_the_same() -> None:
    program = "from factory.store.reader import end_in\nend_in(0.01)\nwhile True: pass"
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == -signal.SIGALRM
    )


def test_several_questions_are_answered_from_one_opening(workspace: Workspace) -> None:
    first, second = ask_all(workspace.store, ["SELECT 1 AS a", "SELECT count(*) FROM samples"], LIMITS)
    assert (first.rows, first.types, first.as_of) == ([[1]], ["INTEGER"], "")
    assert second.rows == [[3]]
    with pytest.raises(InputError, match="DROP"):
        ask_all(workspace.store, ["SELECT 1", "DROP TABLE samples"], LIMITS)


def test_what_is_no_store_is_said_to_be_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("other") / "factory.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(FactoryError, match="cannot be read"):
        ask(path, "SELECT 1", LIMITS)
