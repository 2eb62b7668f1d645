"""Kill the writer at any moment: every batch that it said it had committed is there, no batch is there in
part, the ledger agrees."""

import subprocess
import sys
from pathlib import Path

import pytest

from factory.doctor import examine
from factory.errors import FactoryError
from factory.workspace import Workspace
from tests.support.sample_rows import log_rows, make_workspace, open_store
from tests.support.store_writer import ROOT, batch_rows, kill_writer


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for after in (1, 7, 2, 16, 3):
        acknowledged = kill_writer(workspace, after)
        with open_store(workspace) as store:
            batches = [row["batch"] for row in store.query("SELECT batch FROM batches ORDER BY batch")]
            assert batches == list(range(1, len(batches) + 1))
            assert len(batches) in (acknowledged, acknowledged + 1)
            for number in batches:
                assert store.query("SELECT request_key FROM generations WHERE batch = ?", [number]) == [
                    {"request_key": f"k{number}"}
                ]
                steps = [
                    row["step"]
                    for row in store.query(
                        "SELECT step FROM training_log WHERE batch = ? ORDER BY step", [number]
                    )
                ]
                assert steps == [row["step"] for row in batch_rows(number)["training_log"]]
        assert [entry.batch for entry in workspace.ledger.entries()] == batches
        assert {finding.state for finding in examine(workspace)} == {"ok"}


def test_a_batch_that_the_ledger_missed_is_entered(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, *[{"training_log": log_rows(2)}] * 3)
    before = workspace.ledger.entries()
    lines = workspace.ledger.path.read_bytes().splitlines(keepends=True)
    workspace.ledger.path.write_bytes(b"".join(lines[:-1]))

    assert "note" in {finding.state for finding in examine(workspace)}
    with open_store(workspace) as store:
        assert store.commit(training_log=log_rows(1)) == 4
    assert workspace.ledger.entries()[:3] == before


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_a_torn_ledger_line_heals(tmp_path: Path, cut: int) -> None:
    workspace = make_workspace(tmp_path, *[{"training_log": log_rows(2)}] * 3)
    before = workspace.ledger.path.read_bytes()
    workspace.ledger.path.write_bytes(before[:-cut])
    with open_store(workspace):
        pass
    assert workspace.ledger.path.read_bytes() == before


def test_a_ledger_that_is_gone_is_written_anew(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, *[{"training_log": log_rows(2)}] * 3)
    before = workspace.ledger.entries()
    workspace.ledger.path.unlink()
    with open_store(workspace):
        pass
    assert workspace.ledger.entries() == before


def test_a_ledger_that_cannot_be_written_is_told_and_heals(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"training_log": log_rows(1)})
    ledger = workspace.ledger.path
    with open_store(workspace) as store:
        saved = ledger.rename(tmp_path / "saved")
        ledger.mkdir()
        with pytest.raises(FactoryError, match="factory.ledger.jsonl cannot be written"):
            store.commit(training_log=log_rows(1))
    ledger.rmdir()
    saved.rename(ledger)
    with open_store(workspace) as store:
        assert store.commit(training_log=log_rows(1)) == 3
    assert [entry.batch for entry in workspace.ledger.entries()] == [1, 2, 3]


FULL_DISK = """
import resource, sys
from pathlib import Path
from factory.errors import FactoryError
from factory.workspace import Workspace
from tests.support.sample_rows import generation, log_rows, open_store

workspace = Workspace(Path(sys.argv[1]))
with open_store(workspace) as store:
    store.commit(training_log=log_rows(1))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
    try:
        for number in range(1000):
            store.commit(generations=[generation(f"{number}-{place}", "text " * 200) for place in range(100)])
    except FactoryError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print(store.commit(training_log=log_rows(1)))
"""


@pytest.mark.parametrize("limit", [400_000, 1_500_000, 9_000_000])
def test_a_full_disk_is_told_and_what_was_committed_is_safe(tmp_path: Path, limit: int) -> None:
    workspace = Workspace(tmp_path)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "the store could not be written" in done.stdout, done.stderr
    with open_store(workspace) as store:
        batches = [row["batch"] for row in store.query("SELECT batch FROM batches ORDER BY batch")]
        assert store.query("SELECT count(*) AS n FROM generations")[0]["n"] % 100 == 0
    assert (
        batches == list(range(1, len(batches) + 1)) == [entry.batch for entry in workspace.ledger.entries()]
    )
    assert {finding.state for finding in examine(workspace)} == {"ok"}
