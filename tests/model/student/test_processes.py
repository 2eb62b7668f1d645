"""Two processes that share a batch learn what one learns from the whole of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]


def _losses(folder: Path, processes: int) -> list[float]:
    launch = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        if processes > 1
        else []
    )
    done = subprocess.run(
        [sys.executable, *launch, "-m", "tests.support.two_processes", str(folder), str(4 // processes)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"processes"')))
    assert told["processes"] == processes
    return told["losses"]


def test_two_processes_lie_on_one(tmp_path: Path) -> None:
    one = _losses(tmp_path / "one", 1)
    assert len(one) == 3
    assert _losses(tmp_path / "two", 2) == pytest.approx(one, abs=1e-4)
