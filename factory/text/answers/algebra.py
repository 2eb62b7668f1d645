"""Formulas compared by math-verify and SymPy in a child process with hard limits.

Promise: `same_formula` answers true, false, or None (not to be told), or raises `Stopped` when the child was
killed at its limit of time or memory; the next question is answered again. Nothing is computed in this
process. The child starts at the first question and ends with this process.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from factory.errors import FactoryError

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from factory.text.answers.algebra_child import main; main()"
)
_ROOT = Path(__file__).resolve().parents[3]
# Many times what the work may take of a processor: on a machine that does much else it takes longer.
WALL_SECONDS, _START_SECONDS = 60.0, 180.0
# SymPy's order of terms hangs on the order of hashes, and with it what it finds.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Stopped(Exception):
    """The work was stopped at its limit."""


def same_formula(
    one: list[str], other: list[str], relation: str = "", *, places: int = 0, fresh: bool = True
) -> bool | None:
    """Return whether two formulas in LaTeX, or the two sides of two relations, are the same; raise Stopped.
    `places`: one is a number that was rounded to as many. `fresh`: the time begins anew; else it is what the
    question before has left."""
    question = {"one": one, "other": other, "relation": relation, "places": places, "fresh": fresh}
    with _LOCK:
        return _child().ask(question)


class _Child:
    """One process that answers questions."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,  # it can be killed with what it has started
        )
        try:
            ready = self._answer(_START_SECONDS).get("ready")
        except Stopped:
            ready = False
        if not ready:
            self.end()
            raise FactoryError(
                "the process that compares formulas does not start",
                f"Try: {sys.executable} -c 'import math_verify'; pip install math-verify brings it.",
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: dict[str, Any]) -> bool | None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), json.dumps(question).encode() + b"\n")
            answer = self._answer(WALL_SECONDS)
        except BrokenPipeError:
            raise Stopped from None
        except BaseException:
            # Whatever it would still say belongs to no question.
            self.end()
            raise
        if "answer" not in answer:
            raise Stopped
        return answer["answer"]

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        output, end, got = self._process.stdout.fileno(), time.monotonic() + seconds, b""
        while not got.endswith(b"\n"):
            readable, _, _ = select.select([output], [], [], max(0.0, end - time.monotonic()))
            part = os.read(output, 65536) if readable else b""
            if not part:
                self.end()
                raise Stopped
            got += part
        answer: dict[str, Any] = json.loads(got)
        return answer

    def end(self) -> None:
        """Kill it, and what it has started."""
        if self.owner != os.getpid():
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


_LOCK = threading.Lock()
_children: list[_Child] = []


def _child() -> _Child:
    # A forked process has not started it, and must not share it.
    if not _children or _children[0].owner != os.getpid() or not _children[0].alive:
        _children[:] = [_Child()]
    return _children[0]


@atexit.register
def _end() -> None:
    for child in _children:
        child.end()
