"""What a machine refuses reaches a person in one sentence with what to do, from wherever it comes."""

import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from factory.cli import main as command
from factory.errors import FactoryError, InputError
from factory.store import store as store_module
from factory.store.store import Store, read_store
from factory.system.os_error import refused
from factory.workspace import Workspace
from tests.support.command import factory, typed
from tests.support.export_stores import make_store, many
from tests.support.sample_rows import log_rows, make_workspace


@pytest.mark.parametrize(
    ("error", "told", "hint"),
    [
        (OSError(errno.ENOSPC, "x", "work/model"), "work/model: No space left on device", "Free space"),
        (OSError(errno.EDQUOT, "x"), "Disk quota exceeded", "Free space"),
        (OSError(errno.EROFS, "x", "a b/数据"), "a b/数据: Read-only file system", "can be written"),
        (PermissionError(errno.EACCES, "x", "log"), "log: Permission denied", "somebody who may"),
        (OSError(errno.EIO, "x", "log"), "log: Input/output error", "system's log"),
        (OSError(errno.EMFILE, "x"), "Too many open files", "ulimit"),
        (
            RuntimeError("I/O error: No space left on device (os error 28)\nmore"),
            "I/O error: No space",
            "Free",
        ),
        (ValueError("could not write: Read-only file system"), "could not write", "can be written"),
    ],
)
def test_it_is_told_with_what_to_do(error: Exception, told: str, hint: str) -> None:
    found = refused(error)
    assert found is not None and found.message.startswith(told) and hint in found.hint
    assert "\n" not in found.message


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("x"), OSError(errno.ENOENT, "x", "y")])
def test_a_fault_of_ours_is_none_of_the_machines(error: Exception) -> None:
    assert refused(error) is None


def test_the_command_line_says_it_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr(command, "app", full)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[0] == f"error: {tmp_path / 'x'}: No space left on device"


LOCKLESS = [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF]


@pytest.mark.parametrize("number", LOCKLESS)
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    workspace = Workspace(tmp_path / "work")
    with workspace.lock(), Store(workspace.store, workspace.ledger):
        pass
    monkeypatch.setattr(fcntl, "flock", refuse)
    for use in (lambda: workspace.lock().__enter__(), lambda: read_store(workspace.store).__enter__()):
        with pytest.raises(InputError, match="has no locks") as caught:
            use()
        assert "on a disk of this machine" in caught.value.hint


def test_a_file_system_without_locks_of_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fcntl.fcntl

    def refuse(handle: int, command: int, *more: Any) -> Any:
        if command in (fcntl.F_OFD_SETLK, fcntl.F_OFD_GETLK):
            raise OSError(errno.EINVAL, "Invalid argument")
        return whole(handle, command, *more)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    workspace = Workspace(tmp_path / "work")
    with pytest.raises(InputError, match="has no locks"), workspace.lock():
        pass


def test_a_busy_workspace_is_still_busy(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work")
    with (
        workspace.lock(),
        pytest.raises(Exception, match="is busy: process"),
        Workspace(tmp_path / "work").lock(),
    ):
        pass


def test_paths_with_spaces_and_other_scripts(tmp_path: Path) -> None:
    folder = tmp_path / "my work" / "数据 ü"
    done = typed("init", folder)
    assert done.returncode == 0, done.stderr
    (recipe,) = folder.rglob("*.yaml")
    done = typed("validate", recipe)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A workspace in a folder that cannot be written, whoever runs the tests."""
    root = make_store(tmp_path / "work", many(4, 2)).root
    view = tmp_path / "view"
    view.mkdir()
    mounted = os.geteuid() == 0 and not (
        subprocess.run(["mount", "--bind", root, view], capture_output=True, check=False).returncode
        or subprocess.run(
            ["mount", "-o", "remount,bind,ro", view], capture_output=True, check=False
        ).returncode
    )
    place = view if mounted else root
    if not mounted:
        root.chmod(0o555)
        for path in root.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
    if os.access(place, os.W_OK):
        pytest.skip("as root and without the right to mount, every folder can be written")
    yield place
    if mounted:
        subprocess.run(["umount", view], check=True)
    root.chmod(0o755)


def test_a_workspace_that_cannot_be_written_can_be_read(read_only: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert typed("audit", "-w", read_only).returncode == 0
    assert factory("audit", "-w", read_only, "SELECT count(*) FROM samples").returncode == 0
    done = typed("export", "-w", read_only, "--format", "jsonl", "-o", out)
    assert done.returncode == 0 and list(out.glob("*.jsonl")), done.stderr
    with pytest.raises(InputError, match="cannot be written") as caught, Workspace(read_only).lock():
        pass
    assert "It can be read: factory audit" in caught.value.hint and "copy it" in caught.value.hint
    done = typed("export", "-w", read_only, "--format", "jsonl", "-o", read_only / "out")
    assert done.returncode in (1, 2) and "cannot be written" in done.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_disk_that_is_full_costs_no_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, after: int
) -> None:
    workspace = make_workspace(tmp_path, *[{"training_log": log_rows(2)}] * after)
    whole = store_module.Store._to_arrow

    def full(*_: Any) -> None:
        raise duckdb.IOException(f"Could not write file: {os.strerror(number)}")

    with Store(workspace.store, workspace.ledger) as store:
        monkeypatch.setattr(store_module.Store, "_to_arrow", full)
        with pytest.raises(FactoryError, match="could not be written") as caught:
            store.commit(training_log=log_rows(3))
        assert "Free space" in caught.value.hint and "the same command goes on" in caught.value.hint
        monkeypatch.setattr(store_module.Store, "_to_arrow", whole)
        store.commit(training_log=log_rows(1))
        assert len(store.query("SELECT * FROM training_log")) == 2 * after + 1
