"""What `--fix` mends, after a copy, and that it loses nothing."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from factory.doctor import Finding, examine, mend
from factory.errors import FactoryError
from factory.store.blocks import examine_blocks
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.sample_rows import digests, finished, generation, log_rows, make_workspace

NOBODY = 4_194_304 + 7  # above the highest process id


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(
        tmp_path / "w",
        finished(),
        {"training_log": log_rows(2, start=5)},
        {"training_log": log_rows(2, start=9)},
    )


def faults(workspace: Workspace) -> list[Finding]:
    return [finding for finding in examine(workspace) if finding.state == "fault"]


def copies(workspace: Workspace) -> list[Path]:
    return sorted((workspace.root / "copies").glob("*/*"))


def test_a_ledger_behind_its_store_is_brought_up_to_it(workspace: Workspace) -> None:
    before = workspace.ledger.path.read_bytes()
    workspace.ledger.path.write_bytes(before[:-40])
    torn = workspace.ledger.path.read_bytes()

    looked = typed("doctor", "-w", workspace.root)
    assert looked.returncode == 0 and "--fix (enter batches 3 in factory.ledger.jsonl)" in looked.stdout
    assert workspace.ledger.path.read_bytes() == torn, "looking changes nothing"
    fixed = typed("doctor", "-w", workspace.root, "--fix")
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert workspace.ledger.path.read_bytes() == before
    (copy,) = copies(workspace)
    assert copy.read_bytes() == torn and str(copy.parent) in fixed.stderr


def test_a_ledger_is_not_brought_up_to_rows_that_are_not_what_the_store_says(workspace: Workspace) -> None:
    lines = workspace.ledger.path.read_bytes().splitlines(keepends=True)
    workspace.ledger.path.write_bytes(b"".join(lines[:-1]))
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("UPDATE training_log SET value = 9 WHERE batch = 3 AND step = 9")
    done = typed("doctor", "-w", workspace.root, "--fix")
    assert done.returncode == 1 and "nothing to repair" in done.stderr
    assert workspace.ledger.path.read_bytes() == b"".join(lines[:-1])


def test_missing_views_are_made_again(workspace: Workspace) -> None:
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("DROP VIEW training_set")
    assert "views are missing: training_set" in typed("doctor", "-w", workspace.root).stdout
    assert typed("doctor", "-w", workspace.root, "--fix").returncode == 0
    assert typed("audit", "training_set", "-w", workspace.root).returncode == 0
    assert [copy.name for copy in copies(workspace)] == ["factory.duckdb"]


def test_a_store_with_a_damaged_index_is_written_anew_from_its_rows(tmp_path: Path) -> None:
    rows = [generation(f"key {number:09d} {number * 7919 % 10007}", "t") for number in range(20_000)]
    workspace = make_workspace(tmp_path / "w", finished(), {"generations": rows})
    place = damage_an_index(workspace)
    damaged = workspace.store.read_bytes()
    assert not examine_blocks(workspace.store).whole
    (fault,) = faults(workspace)
    assert fault.mend is not None and f"at byte {place:,}" in fault.what

    done = typed("doctor", "-w", workspace.root, "--fix")
    assert done.returncode == 0, done.stdout + done.stderr
    assert examine_blocks(workspace.store).whole and not faults(workspace)
    assert [copy.read_bytes() for copy in copies(workspace)] == [damaged]
    with duckdb.connect(str(workspace.store)) as connection:
        assert connection.execute("SELECT count(*) FROM training_set").fetchone() == (2,)
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO generations SELECT * FROM generations LIMIT 1")
    assert not list(workspace.root.glob(".rebuild-*"))


def damage_an_index(workspace: Workspace) -> int:
    """Change a bit in the first block that no row, no free list and no catalog needs, and return the block's
    place in the file."""
    whole = workspace.store.read_bytes()
    for start in range(3 * 4096, len(whole), 1 << 18):
        content = bytearray(whole)
        content[start + 1000] ^= 1
        workspace.store.write_bytes(content)
        if [finding.mend is not None for finding in faults(workspace)] == [True]:
            return start
    raise AssertionError("every block holds rows")


def test_leftovers_of_dead_processes_go_and_all_else_stays(workspace: Workspace) -> None:
    root = workspace.root
    gone = [
        root / "models" / f".student-1.staging-{NOBODY}" / "model.safetensors",
        root / "reports" / f".report.html.staging-{NOBODY}",
        root / "checkpoints" / "adapter-sft-1" / "checkpoint-4" / "optimizer.pt",
        root / "factory.duckdb.tmp" / "block",
        root / ".rebuild-abc" / "factory.duckdb",
    ]
    kept = [
        root / "models" / f".student-1.staging-{os.getpid()}" / "model.safetensors",
        root / "models" / ".mine",
        root / "reports" / "notes.tmp",
        root / "checkpoints" / "adapter-sft-1" / "checkpoint-2" / "whole",
        root / "logs" / "distill.log",
        root / "notes.txt",
    ]
    for path in [*gone, *kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    empty = root / "logs" / "convert.log"
    empty.touch()
    link = root / "models" / f".linked.staging-{NOBODY}"
    link.symlink_to(root / "logs")
    before = digests(root)

    listed = [finding for finding in examine(workspace) if finding.area == "leftover"]
    assert len(listed) == len(gone) + 1 and all(finding.mend for finding in listed)
    done = typed("doctor", "-w", root, "--fix")
    assert done.returncode == 0, done.stdout
    assert not [path for path in [*gone, empty] if path.exists()]
    after = digests(root)
    removed = {name for name in before if name not in after}
    assert {name: after[name] for name in before if name not in removed} == {
        name: before[name] for name in before if name not in removed
    }
    assert all(path.exists() for path in kept) and link.is_symlink() and (root / "logs").is_dir()
    assert "no leftovers" in done.stdout and not (root / "copies").exists()


def test_without_room_for_the_copy_nothing_is_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        total: int = 10**9
        used: int = 10**9 - 1000
        free: int = 1000

    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("DROP VIEW training_set")
    found, before = list(examine(workspace)), digests(workspace.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
    with pytest.raises(FactoryError, match="nothing was changed: .* are needed"):
        mend(workspace, found, print)
    assert digests(workspace.root) == before


def test_nothing_is_mended_while_somebody_works_there(workspace: Workspace) -> None:
    with duckdb.connect(str(workspace.store)) as connection:
        connection.execute("DROP VIEW training_set")
    with workspace.lock():
        before = digests(workspace.root)
        done = typed("doctor", "-w", workspace.root, "--fix")
        assert done.returncode == 1 and "busy" in done.stderr
        assert digests(workspace.root) == before


def test_fix_needs_a_workspace_and_makes_none(tmp_path: Path) -> None:
    assert typed("doctor", "--fix").returncode == 2
    assert typed("doctor", "-w", tmp_path / "none", "--fix").returncode == 2
    assert not (tmp_path / "none").exists()


def test_a_store_that_is_whole_stays_byte_for_byte(workspace: Workspace) -> None:
    before = digests(workspace.root)
    done = typed("doctor", "-w", workspace.root, "--fix")
    assert done.returncode == 0 and "nothing to repair" in done.stderr
    assert digests(workspace.root) == before
