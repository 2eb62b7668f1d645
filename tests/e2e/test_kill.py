"""SIGKILL at unplanned moments of every stage that makes something: nothing that was paid for is lost,
nothing half-written is taken for a model, nobody is left running."""

import random
import signal
from pathlib import Path

import psutil
import pytest

from factory.models.artifact import verify
from factory.store.reader import ask
from tests.support.small_run import factory, start, write_recipe

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(2400)]

GENERATION_KILLS, COUNT = 5, 280


def _kill_when(workspace: Path, recipe: Path, ready) -> str:
    """Start a run, kill it as soon as `ready(line)` holds for a line of its messages, and return what it
    said; all of its processes are gone in time."""
    run = start("run", recipe, "-w", workspace)
    said = []
    assert run.stderr is not None
    for line in run.stderr:
        said.append(line)
        if ready(line):
            break
    else:
        raise AssertionError("the run ended before it could be killed:\n" + "".join(said))
    processes = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    run.send_signal(signal.SIGKILL)
    run.wait()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive, f"still running five seconds after SIGKILL: {alive}"
    return "".join(said)


def _count(workspace: Path, sql: str) -> int:
    return int(ask(workspace / "factory.duckdb", sql).rows[0][0])


def _accepted(workspace: Path) -> int:
    return _count(workspace, "SELECT count(*) FROM training_set")


def _answers(workspace: Path) -> dict[str, str]:
    rows = ask(
        workspace / "factory.duckdb", "SELECT request_key, finished_at::VARCHAR || text FROM generations"
    ).rows
    return {str(key): str(content) for key, content in rows}


def test_killed_everywhere_it_still_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    chance = random.Random()
    recipe, workspace = write_recipe(tmp_path, count=COUNT), tmp_path / "workspace"
    committed: dict[str, str] = {}
    accepted = [0]
    while len(accepted) <= GENERATION_KILLS and accepted[-1] < COUNT:
        until = accepted[-1] + chance.randrange(1, 24)
        # A fast machine may reach the end between two lines of progress: it is killed there.
        _kill_when(
            workspace,
            recipe,
            lambda line, until=until: _progress(line) >= until or "enough is accepted" in line,
        )
        now = _answers(workspace)
        assert committed.items() <= now.items(), (
            f"kill {len(accepted)}: an answer that had been committed is gone or was asked again"
        )
        committed = now
        accepted.append(_accepted(workspace))
    assert 0 < accepted[1] < COUNT, "the kills should have hit the generation in the middle"

    _kill_when(workspace, recipe, lambda line: line.lstrip().startswith("sft  step"))
    after = _answers(workspace)
    assert committed.items() <= after.items() and _accepted(workspace) == COUNT
    assert _count(workspace, "SELECT count(*) FROM plan_items ANTI JOIN generations USING (request_key)") == 0
    _kill_when(workspace, recipe, lambda line: "merge: what was trained" in line)
    _kill_when(workspace, recipe, lambda line: "w8a8-static, on" in line)
    for folder in (workspace / "models").iterdir():
        assert ".staging-" in folder.name or verify(folder)

    done = factory("run", recipe, "-w", workspace, "--until", "compress")
    assert done.returncode == 0, done.stderr
    assert _answers(workspace) == after
    assert [folder.name for folder in (workspace / "models").iterdir() if ".staging-" in folder.name] == []
    doctor = factory("doctor", "-w", workspace)
    assert doctor.returncode == 0 and "FAULT" not in doctor.stdout, doctor.stdout


def _progress(line: str) -> int:
    words = line.split()
    return (
        int(words[1].split("/")[0]) if words[:1] == ["generate"] and len(words) > 1 and "/" in words[1] else 0
    )


def test_an_interrupt_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    recipe, workspace = write_recipe(tmp_path, count=100), tmp_path / "workspace"
    run = start("run", recipe, "-w", workspace, "--until", "check")
    said = []
    assert run.stderr is not None
    for line in run.stderr:
        said.append(line)
        if _progress(line) > 0:
            run.send_signal(signal.SIGINT)
            break
    said += run.stderr.readlines()
    assert run.wait() == 130 and "interrupted" in "".join(said), "".join(said)
    kept = _answers(workspace)
    assert len(kept) > 0 and _accepted(workspace) < 100
    assert factory("run", recipe, "-w", workspace, "--until", "check").returncode == 0
    assert kept.items() <= _answers(workspace).items()
