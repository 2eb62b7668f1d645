"""While a process writes, a question is answered from a copy of one moment; the writer waits for the copying
and for nothing else."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from factory.errors import FactoryError
from factory.store import snapshot
from factory.store.lock import lock_path
from factory.store.reader import Limits, ask, ask_all
from factory.workspace import Workspace
from tests.support.sample_rows import log_rows, make_workspace, open_store
from tests.support.store_writer import ROOT

PATIENT = Limits(seconds=300)

# Commits until its standard input ends: batches of about 2 MB, so that every few of them DuckDB moves its log
# into the file, and again and again it closes the store, and opens it as the next stage of a run would.
BUSY_WRITER = """
import select, sys
from pathlib import Path
from factory.workspace import Workspace
from tests.support.sample_rows import generation, log_rows, open_store

workspace = Workspace(Path(sys.argv[1]))
with workspace.lock():
    while not select.select([sys.stdin], [], [], 0)[0]:
        with open_store(workspace) as store:
            for _ in range(11):
                number = store.commit() + 1
                text = "".join(f"{number * 7919 + place:09d}" for place in range(1200))
                rows = [generation(f"{number}-{i}", text) for i in range(100 + number % 7)]
                store.commit(generations=rows, training_log=log_rows(number % 5))
                print(number, flush=True)
"""

STORED = """
SELECT b.batch, (b.content ->> '$.generations.rows')::BIGINT,
       coalesce((b.content ->> '$.training_log.rows')::BIGINT, 0),
       (SELECT count(*) FROM generations g WHERE g.batch = b.batch
        AND text LIKE printf('%09d%%', b.batch * 7919)),
       (SELECT count(*) FROM training_log t WHERE t.batch = b.batch)
FROM batches b ORDER BY b.batch
"""


def test_a_copy_holds_whole_batches_and_all_that_were_acknowledged(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    command = [sys.executable, "-c", BUSY_WRITER, str(tmp_path)]
    seen = []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None and writer.stdin is not None
        for _ in range(8):
            acknowledged = int(writer.stdout.readline())
            stored, tables = ask_all(workspace.store, [STORED, "SELECT count(*) FROM generations"], PATIENT)
            assert stored.as_of and stored.as_of == tables.as_of
            entries = workspace.ledger.entries()
            batches = [row[0] for row in stored.rows]
            assert batches == list(range(1, len(batches) + 1)) and len(batches) >= acknowledged
            for (batch, rows, log, rows_there, log_there), entry in zip(stored.rows, entries, strict=False):
                assert (entry.batch, rows_there, log_there) == (batch, rows, log)
                assert rows == entry.tables["generations"]["rows"]
            assert tables.rows == [[sum(row[1] for row in stored.rows)]]
            seen.append(len(batches))
        writer.stdin.close()
        writer.stdout.read()
    assert writer.returncode == 0
    assert seen == sorted(seen) and seen[0] < seen[-1]
    assert not ask(workspace.store, "SELECT 1", PATIENT).as_of
    assert {path.name for path in tmp_path.iterdir()} == {
        "factory.duckdb",
        "factory.duckdb.lock",
        "factory.ledger.jsonl",
        "factory.lock",
    }


# Stops where `at` says, tells it, and goes on when its standard input ends.
READER = """
import sys
from pathlib import Path
from factory.store.snapshot import open_readable

def stop(at):
    if at == sys.argv[2]:
        print(at, flush=True)
        sys.stdin.read()

def pause():
    stop("copying")
    return lambda: None

def connect(path):
    stop("asking")
    return path.read_bytes()

content, at = open_readable(Path(sys.argv[1]), connect, pause)
print(len(content), at)
"""


@contextmanager
def reader_that_stops(store: Path, at: str) -> Iterator[None]:
    command = [sys.executable, "-c", READER, str(store), at]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        assert reader.stdout.readline() == f"{at}\n"
        yield
        reader.stdin.close()
        assert reader.stdout.read().endswith("\n")
    assert reader.returncode == 0


def turn_is_free(store: Path) -> bool:
    handle = os.open(lock_path(store), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def test_the_writer_waits_while_it_is_copied_and_not_while_it_is_asked(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"training_log": log_rows(3)})
    with open_store(workspace) as store:
        with reader_that_stops(workspace.store, "copying"):
            assert not turn_is_free(workspace.store)
        with reader_that_stops(workspace.store, "asking"):
            assert turn_is_free(workspace.store)
            store.commit(training_log=log_rows(1))


def test_a_writer_that_comes_waits_for_readers_of_the_file_itself(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with reader_that_stops(workspace.store, "asking"):
        assert not turn_is_free(workspace.store)
    assert turn_is_free(workspace.store)


def test_between_the_stages_of_a_run_a_copy_is_read(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    assert not ask(workspace.store, "SELECT 1", PATIENT).as_of
    with workspace.lock():
        with reader_that_stops(workspace.store, "asking"), open_store(workspace) as store:
            store.commit(training_log=log_rows(1))
        assert ask(workspace.store, "SELECT 1", PATIENT).as_of


def test_another_program_that_writes_is_named(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    for active in (False, True):
        with duckdb.connect(workspace.store), pytest.raises(FactoryError, match=rf"PID {os.getpid()}\b"):
            if active:
                with workspace.lock():
                    ask(workspace.store, "SELECT 1", PATIENT)
            ask(workspace.store, "SELECT 1", PATIENT)


def test_without_room_on_the_disk_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path)
    monkeypatch.setattr(snapshot, "RESERVE", shutil.disk_usage(tmp_path).free)
    with open_store(workspace), pytest.raises(FactoryError, match="MB are free"):
        snapshot.open_readable(workspace.store, Path.read_bytes, lambda: lambda: None)
    assert not list(tmp_path.glob("*.snapshot-*"))


def test_copies_that_a_kill_left_are_removed_and_others_are_not(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    dead, alive = tmp_path / "factory.duckdb.snapshot-dead", tmp_path / "factory.duckdb.snapshot-alive"
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "factory.duckdb").write_bytes(b"x")
    handle = os.open(alive, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with open_store(workspace):
        assert ask(workspace.store, "SELECT 1", PATIENT).as_of
    os.close(handle)
    assert [path.name for path in tmp_path.glob("*.snapshot-*")] == [alive.name]


def test_a_reader_that_is_cut_off_leaves_no_copy(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    slow = "SELECT levenshtein(repeat('x', 500000), repeat('y', 500000))"
    with open_store(workspace), pytest.raises(FactoryError, match="stopped"):
        ask(workspace.store, slow, Limits(seconds=3))
    assert not list(tmp_path.glob("*.snapshot-*"))
