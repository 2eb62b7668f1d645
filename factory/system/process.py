"""Signals, and children that die with their parent.

Promise: a child that calls `die_with_parent` never outlives its parent, because the kernel kills it.
"""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

# glibc gives large blocks back to the kernel and faults them in again at every training step; a process that
# trains and keeps them is 1.7 times as fast. It has to be set before the process starts.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(8 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30)}
_PARENT = "FACTORY_PARENT_PID"


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back while the block runs; one that came meanwhile is delivered at its end."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def interrupt_once() -> None:
    """Let SIGINT and SIGTERM interrupt this process once, even where a shell started it with SIGINT ignored,
    and ignore further ones."""

    def interrupt(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def parent_told() -> dict[str, str]:
    """Return what a child's environment needs for `die_with_parent`."""
    return {_PARENT: str(os.getpid())}


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends; end at once if that has happened already."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG
    if os.getppid() != int(os.environ[_PARENT]):
        os.kill(os.getpid(), signal.SIGKILL)
