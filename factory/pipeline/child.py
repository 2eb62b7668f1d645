"""Heavy stages run in a child process: it gives its memory back, dies with its parent, and is started with
the environment that makes it fast.

Promise: a child never outlives its parent (the kernel kills it), inherits the workspace's lock, sees no
secrets, and what libraries print goes to a log file while progress and errors go to the person. The error of
a child that failed by itself has been shown already.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from factory.errors import FactoryError
from factory.models.precision import shared_note
from factory.system.container import thread_variables
from factory.system.process import parent_told
from factory.system.progress import DESCRIPTOR

CONVERT = "convert"  # the one job of a child that is no stage: a bundled model becomes a folder
_SECRET = re.compile(
    r"TOKEN(?!IZERS)|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE
)
_ROOT = Path(__file__).resolve().parents[2]


class ChildFailed(FactoryError):
    """A child process ended with an error that it has shown itself, or, then with a message, was ended by
    something."""

    def __init__(self, exit_code: int, message: str = "", hint: str = ""):
        super().__init__(message, hint)
        self.exit_code = exit_code


def run_child(
    arguments: list[str], *, environment: dict[str, str], lock: int, log: Path, secret: str | None = None
) -> None:
    """Run `python -m factory.pipeline.worker ARGUMENTS` to its end; `secret` names the one variable that the
    child may see although it looks like a secret.

    Raises ChildFailed if it failed by itself or something killed it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {
        name: value for name, value in os.environ.items() if name == secret or not _SECRET.search(name)
    }
    shown = os.dup(2)
    try:
        with log.open("ab") as file:
            process = subprocess.Popen(
                # -P: nothing is imported from the current folder.
                [sys.executable, "-P", "-m", "factory.pipeline.worker", *arguments],
                env=inherited
                | thread_variables()
                | environment
                | parent_told()
                | shared_note()
                | {DESCRIPTOR: str(shown), "PYTHONPATH": str(_ROOT)},
                pass_fds=(lock, shown),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
            try:
                code = process.wait()
            except KeyboardInterrupt:
                # The child commits what is finished and ends. After Ctrl-C it has the signal already, and
                # takes only the first.
                process.send_signal(signal.SIGINT)
                process.wait()
                raise
    finally:
        os.close(shown)
    if code < 0:
        name = signal.Signals(-code).name
        hint = "The machine may have run out of memory. " if -code == signal.SIGKILL else ""
        raise ChildFailed(
            1,
            f"the stage {arguments[0]} was ended by {name}",
            f"{hint}Run the same command again to go on from there.",
        )
    if code == 130:
        raise KeyboardInterrupt
    if code:
        raise ChildFailed(code)
