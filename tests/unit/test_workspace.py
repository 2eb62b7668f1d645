"""One process works in a workspace at a time; the second is told which, and a kill leaves nothing to clean
up."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory.errors import FactoryError, InputError
from factory.workspace import Workspace

ROOT = Path(__file__).parents[2]

HOLDER = """
import subprocess, sys
from pathlib import Path
from factory.workspace import Workspace

with Workspace(Path(sys.argv[1])).lock() as lock:
    if sys.argv[2:]:
        program = "import sys; print('child', flush=True); sys.stdin.read()"
        child = subprocess.Popen([sys.executable, "-c", program], pass_fds=[lock])
        child.wait()
    print("holding", flush=True)
    sys.stdin.read()
"""


def holder(root: Path, *, child: bool = False) -> subprocess.Popen[str]:
    """Start a process that holds the lock until its standard input ends; with `child` it has a child that
    inherited the lock."""
    command = [sys.executable, "-c", HOLDER, str(root), *(["child"] if child else [])]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == ("child\n" if child else "holding\n")
    return process


def test_the_lock_makes_the_folder_and_can_be_taken_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "neu er" / "ordner")
    for _ in range(2):
        with workspace.lock():
            assert workspace.root.is_dir()


def test_the_second_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with (
            pytest.raises(FactoryError, match=f"is busy: process {process.pid} is running in it") as caught,
            Workspace(tmp_path).lock(),
        ):
            pytest.fail("the block must not run")
        assert not isinstance(caught.value, InputError)
        assert process.stdin is not None
        process.stdin.close()
    with Workspace(tmp_path).lock():
        pass


def test_a_killed_holder_leaves_the_lock_free(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with Workspace(tmp_path).lock():
            assert (tmp_path / "factory.lock").read_text() == f"{os.getpid()}\n"


def test_a_child_keeps_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    with holder(tmp_path, child=True) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(FactoryError, match="is busy"), Workspace(tmp_path).lock():
            pytest.fail("the block must not run")
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        assert process.stdout.read() == "", "the child has ended when its end of the pipe closes"
        with Workspace(tmp_path).lock():
            pass


def test_a_folder_that_cannot_be_written_is_one_clear_sentence() -> None:
    # Nobody can make files there; permissions of an ordinary folder do not hold root back.
    with (
        pytest.raises(InputError, match="the workspace /sys/kernel cannot be written: ") as caught,
        Workspace(Path("/sys/kernel")).lock(),
    ):
        pytest.fail("the block must not run")
    assert "-w" in caught.value.hint


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot be written"), Workspace(root).lock():
            pytest.fail("the block must not run")


def test_a_folder_without_a_store_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a workspace: there is no factory.duckdb"):
        Workspace(tmp_path).existing()
    (tmp_path / "factory.duckdb").touch()
    assert Workspace(tmp_path).existing() == Workspace(tmp_path)
