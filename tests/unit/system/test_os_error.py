"""What a machine refuses reaches a person in one sentence with what to do, from wherever it comes."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from factory.cli import main as command
from factory.errors import InputError
from factory.store.store import Store, read_store
from factory.system.os_error import refused
from factory.workspace import Workspace
from tests.support.command import typed


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
