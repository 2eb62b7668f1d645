"""Ctrl-C, and SIGKILL in every stage that makes something: nothing that was paid for is lost, nothing
half-written is taken for a model, nobody is left running. (A kill at any commit of the store, and at any
moment of training, is tried without a model: `tests/unit/store/test_crash.py`, `test_scheduler.py`,
`tests/model/student/test_killed.py`.)"""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from factory.models.artifact import verify
from factory.store.reader import ask
from factory.workspace import Workspace
from tests.support.small_run import factory, start, write_recipe

COUNT = 96


def test_killed_everywhere_it_still_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    recipe, workspace = write_recipe(tmp_path, count=COUNT), tmp_path / "workspace"

    interrupted = start("run", recipe, "-w", workspace)
    said = _read_to(interrupted, re.compile(r"\s*generate +[1-9]\d*/").match)
    interrupted.send_signal(signal.SIGINT)
    said += interrupted.communicate()[1]
    assert interrupted.returncode == 130 and "interrupted" in said, said
    kept = _answers(workspace)
    assert kept and _accepted(workspace) < COUNT

    killed = start("run", recipe, "-w", workspace)
    _wait_for_answers(killed, workspace, more_than=len(kept))
    _kill(killed)
    committed = _answers(workspace)
    assert kept.items() < committed.items(), "an answer that had been committed is gone or was asked again"
    assert 0 < _accepted(workspace) < COUNT, "the kill should have hit the generation in the middle"

    _kill_at(workspace, recipe, "sft  step")
    after = _answers(workspace)
    assert committed.items() <= after.items() and _accepted(workspace) == COUNT
    assert _count(workspace, "SELECT count(*) FROM plan_items ANTI JOIN generations USING (request_key)") == 0
    _kill_at(workspace, recipe, "merge: what was trained")
    _kill_at(workspace, recipe, "w8a8-static, on")
    for folder in (workspace / "models").iterdir():
        assert ".staging-" in folder.name or verify(folder)

    done = factory("run", recipe, "-w", workspace, "--until", "compress")
    assert done.returncode == 0, done.stderr
    assert _answers(workspace) == after
    assert [folder.name for folder in (workspace / "models").iterdir() if ".staging-" in folder.name] == []
    doctor = factory("doctor", "-w", workspace)
    assert doctor.returncode == 0 and "FAULT" not in doctor.stdout, doctor.stdout


def _wait_for_answers(run: subprocess.Popen[str], workspace: Path, *, more_than: int) -> None:
    """Wait until the ledger of a run says that more answers are committed."""
    ledger = Workspace(workspace).ledger
    while True:
        committed = [entry.tables.get("generations", {"rows": 0})["rows"] for entry in ledger.entries()]
        if sum(committed) > more_than:
            return
        try:
            run.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the run ended before it could be stopped:\n{run.communicate()[1]}")


def _read_to(run: subprocess.Popen[str], ready: Callable[[str], object]) -> str:
    """Read the messages of a run until `ready` holds for a line, and return them."""
    said = ""
    assert run.stderr is not None
    for line in run.stderr:
        said += line
        if ready(line):
            return said
    raise AssertionError(f"the run ended before it could be stopped:\n{said}")


def _kill_at(workspace: Path, recipe: Path, words: str) -> None:
    """Start a run, and kill it as soon as one of its messages holds the words."""
    run = start("run", recipe, "-w", workspace)
    _read_to(run, lambda line: words in line)
    _kill(run)


def _kill(run: subprocess.Popen[str]) -> None:
    """Kill a run; all of its processes are gone in time."""
    processes = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    run.send_signal(signal.SIGKILL)
    run.wait()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive, f"still running five seconds after SIGKILL: {alive}"


def _count(workspace: Path, sql: str) -> int:
    return int(ask(workspace / "factory.duckdb", sql).rows[0][0])


def _accepted(workspace: Path) -> int:
    return _count(workspace, "SELECT count(*) FROM training_set")


def _answers(workspace: Path) -> dict[str, str]:
    rows = ask(
        workspace / "factory.duckdb", "SELECT request_key, finished_at::VARCHAR || text FROM generations"
    ).rows
    return {str(key): str(content) for key, content in rows}
