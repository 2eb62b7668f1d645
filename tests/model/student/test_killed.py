"""SIGKILL in the middle of each phase of training, then the same command again: the curve lies on that of a
run that nobody touched."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.support.killed_training import PHASES, STEPS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def _run(stage: str, folder: Path, *, kill_after: int | None = None) -> list[dict[str, float]]:
    """Train, and return what was logged; killed in the step after `kill_after`, nothing."""
    command = [sys.executable, "-m", "tests.support.killed_training", stage, str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line == f"step {kill_after}\n":
                child.send_signal(signal.SIGKILL)
                break
            if line.startswith('{"curve"'):
                curve: list[dict[str, float]] = json.loads(line)["curve"]
                return curve
        _, errors = child.communicate()
    assert child.returncode == -signal.SIGKILL, errors[-2000:]
    return []


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
