"""A process that commits batches until it is killed, and says on its standard output which ones it has
committed."""

import signal
import subprocess
import sys
from pathlib import Path

from factory.workspace import Workspace
from tests.support.sample_rows import generation, log_rows

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from factory.workspace import Workspace
from tests.support.store_writer import batch_rows
from tests.support.sample_rows import open_store

with open_store(Workspace(Path(sys.argv[1]))) as store:
    number = store.commit()
    while True:
        number += 1
        assert store.commit(**batch_rows(number)) == number
        print(number, flush=True)
"""


def batch_rows(number: int) -> dict[str, list[dict[str, object]]]:
    """What the writer commits as its batch `number`."""
    return {"generations": [generation(f"k{number}")], "training_log": log_rows(1 + number % 5, start=number)}


def kill_writer(workspace: Workspace, after: int) -> int:
    """Let a process commit batches, kill it once it has acknowledged `after` more of them, return the last
    that it acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(workspace.root)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert writer.stdout is not None
    with writer:
        lines = [writer.stdout.readline() for _ in range(after)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    return int([line for line in lines if line.endswith("\n")][-1])
