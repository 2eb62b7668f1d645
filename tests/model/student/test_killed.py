"""SIGKILL in the middle of each phase of training, then the same command again: the curve lies on that of a
run that nobody touched."""

import signal
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.support.forks import forked
from tests.support.killed_training import PHASES, STEPS


def _run(stage: str, folder: Path, *, kill_after: int | None = None) -> list[dict[str, float]]:
    """Train, and return what was logged; killed in the step after `kill_after`, nothing."""
    with forked("tests.support.killed_training", stage, folder) as (child, connection):
        while not isinstance(received := connection.recv(), list):
            if received == kill_after:
                child.kill()
                child.join()
                assert child.exitcode == -signal.SIGKILL
                return []
    return received


@pytest.mark.parametrize("stage", PHASES)
def test_a_killed_run_lies_on_the_one_that_was_never_interrupted(tmp_path: Path, stage: str) -> None:
    whole = _run(stage, tmp_path / "uninterrupted")
    assert [entry["step"] for entry in whole] == list(range(1, STEPS + 1))
    for step in PHASES[stage].values():
        assert _run(stage, tmp_path / "killed", kill_after=step) == []
        assert any((tmp_path / "killed" / "checkpoints").glob("checkpoint-*"))
    resumed = _run(stage, tmp_path / "killed")
    assert len(resumed) == STEPS
    for entry, expected in zip(resumed, whole, strict=True):
        assert entry == pytest.approx(expected, abs=1e-4)
