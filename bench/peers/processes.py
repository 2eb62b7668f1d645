"""Processes in groups of their own, so that nothing they start outlives the bench."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


class Group:
    """A command in a process group of its own. `log` takes all that it prints."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str], cwd: Path):
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, or None if it has not ended after `seconds`."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """SIGKILL everything in the group, at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def stop(self) -> None:
        """End the group in order, and by force what has not ended after 20 seconds."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.wait(20)
        # The leader may be gone while others of the group live on.
        self.kill()
        self.process.wait()

    def last_words(self) -> str:
        """Return the last line of the log that names an error, or the last line."""
        lines = [
            line.strip()
            for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            if line.strip()
        ]
        named = [line for line in lines if "error" in line.lower() and "warning" not in line.lower()]
        return (named or lines or ["it printed nothing"])[-1][:300]


def until(condition: Callable[[], bool], seconds: float, pause: float = 0.2) -> bool:
    """Return whether `condition` came true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(pause)
    return False
