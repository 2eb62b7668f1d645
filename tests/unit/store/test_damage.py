"""Damage to the ledger, to what the ledger speaks of, and to rows is named: by opening where the store itself
shows it, by the doctor, who reads every row, at last. A store that is refused stays as it was. (Damage to the
files of the store: `tests/unit/doctor/test_damage.py`.)"""

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from factory.doctor import examine
from factory.errors import FactoryError
from factory.workspace import Workspace
from tests.support.sample_rows import digests, generation, log_rows, make_workspace, open_store
from tests.support.store_writer import kill_writer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three batches."""
    return make_workspace(tmp_path_factory.mktemp("whole"), *[{"training_log": log_rows(2)}] * 3).root


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed writer left: its last batches are in the write-ahead log alone."""
    workspace = Workspace(tmp_path_factory.mktemp("left"))
    kill_writer(workspace, 5)
    assert wal(workspace).stat().st_size
    return workspace.root


@pytest.fixture
def killed(left: Path, tmp_path: Path) -> Workspace:
    """A copy of it to damage."""
    return Workspace(Path(shutil.copytree(left, tmp_path / "killed")))


def wal(workspace: Workspace) -> Path:
    return workspace.store.with_name(workspace.store.name + ".wal")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 40,
        b"[]",
        b"{",
        b'{"batch": 2}',
        b"\xff\xfe",
        b'{"batch":"x","at":"","duckdb":"","tables":{}}',
        b"[" * 100_000,
    ]
    + [
        json.dumps({"batch": 2, "at": "", "duckdb": "", "tables": tables}).encode()
        for tables in ([], {"t": 1}, {"t": {"rovs": 1}})
    ],
    ids=lambda damage: repr(damage[:12]),
)
def test_damage_within_the_ledger_is_refused_by_its_line(whole: Path, tmp_path: Path, damage: bytes) -> None:
    workspace = Workspace(Path(shutil.copytree(whole, tmp_path / "damaged")))
    lines = workspace.ledger.path.read_bytes().splitlines()
    lines[1] = damage
    workspace.ledger.path.write_bytes(b"\n".join([*lines, b""]))
    before = digests(tmp_path)
    with pytest.raises(FactoryError, match="factory.ledger.jsonl:2: not a ledger entry"):
        open_store(workspace)
    (fault,) = [finding for finding in examine(workspace) if finding.state == "fault"]
    assert "factory.ledger.jsonl:2: not a ledger entry" in fault.what and fault.mend is None
    assert digests(tmp_path) == before


def refused(workspace: Workspace, match: str) -> None:
    """The store is refused, twice in the same words, without touching a file; the doctor names it as well."""
    before = digests(workspace.root)
    for _ in range(2):
        with pytest.raises(FactoryError, match=match):
            open_store(workspace)
    assert digests(workspace.root) == before
    named_by_the_doctor(workspace)
    assert digests(workspace.root) == before


def named_by_the_doctor(workspace: Workspace) -> None:
    faults = [finding for finding in examine(workspace) if finding.state == "fault"]
    assert any(finding.area == "store" and finding.todo for finding in faults)
    assert not any(finding.mend for finding in faults), "what is lost is never taken for mended"


def test_a_write_ahead_log_that_was_misplaced_can_be_put_back(killed: Workspace) -> None:
    log = wal(killed).rename(killed.root.parent / "aside")
    refused(killed, "has lost . of . batches")
    log.rename(wal(killed))
    with open_store(killed) as store:
        assert len(store.query("SELECT * FROM batches")) >= 5


def test_a_shortened_write_ahead_log_is_refused(killed: Workspace) -> None:
    with open_store(killed) as store:
        number = store.commit()
    kill_writer(killed, 2)
    # The last line may be missing from the ledger; what it says of the batches before is enough.
    os.truncate(wal(killed), wal(killed).stat().st_size // 2)
    assert len(killed.ledger.entries()) >= number + 2
    refused(killed, "has lost .* batches")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_shortened_store_is_named_by_the_doctor(tmp_path: Path, share: float) -> None:
    workspace = make_workspace(tmp_path)
    os.truncate(workspace.store, int(workspace.store.stat().st_size * share))
    named_by_the_doctor(workspace)


def test_changed_rows_are_named_by_the_doctor(tmp_path: Path) -> None:
    workspace = make_workspace(
        tmp_path,
        {"training_log": log_rows(3)},
        {"training_log": log_rows(3)},
        {"generations": [generation("k")]},
    )
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("UPDATE training_log SET value = 9 WHERE batch = 1 AND step = 1")
        connection.execute("DELETE FROM training_log WHERE batch = 2 AND step = 1")
        connection.execute("INSERT INTO stages VALUES ('r', 's', 1, 1, 'd', 77)")
    faults = [finding.what for finding in examine(workspace) if finding.state == "fault"]
    assert faults == [
        "batch 1, training_log: rows are not what they were",
        "batch 2, training_log: 2 rows, the ledger has 3",
        "stages: 1 rows belong to no batch",
    ]


def test_rows_of_another_duckdb_are_counted_and_said_not_to_be_compared(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, {"training_log": log_rows(3)})
    line = json.loads(workspace.ledger.path.read_text())
    workspace.ledger.path.write_text(json.dumps(line | {"duckdb": "1.0.0"}) + "\n")
    findings = [finding for finding in examine(workspace) if finding.area == "store"]
    assert any(finding.state == "note" and "1.0.0" in finding.what for finding in findings)
    assert findings[-1].state == "ok"
