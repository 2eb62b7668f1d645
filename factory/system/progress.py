"""Progress line: rates, share accepted, time left.

On a terminal the line is written over itself; elsewhere a new line appears every few seconds, so that a log
stays readable.
"""

import os
import sys
import time
from typing import TextIO

DESCRIPTOR = "FACTORY_PROGRESS_FD"


class Progress:
    """Where messages for a person go: standard error, or in a child process the parent's standard error."""

    def __init__(self, stream: TextIO | None = None):
        inherited = os.environ.get(DESCRIPTOR)
        self._stream = stream or (
            os.fdopen(int(inherited), "w", buffering=1, closefd=False) if inherited else sys.stderr
        )
        self._terminal = self._stream.isatty()
        self._interval = 0.2 if self._terminal else 5.0
        self._last = 0.0
        self._open = False

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._open:
            self._stream.write("\n" if not self._terminal else "\r\x1b[K")
            self._open = False
        self._stream.write(text + "\n")
        self._stream.flush()

    def update(self, text: str, *, now: bool = False) -> None:
        """Show `text` as the state of the work, if the last one is old enough or `now`."""
        clock = time.monotonic()
        if not now and clock - self._last < self._interval:
            return
        self._last = clock
        if self._terminal:
            self._stream.write("\r\x1b[K" + text)
            self._open = True
        else:
            self._stream.write(text + "\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Return a length of time in words: 8 s, 2 min 05 s, 3 h 20 min."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60:02} min"
