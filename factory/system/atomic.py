"""Atomic writes: a file or folder that exists complete or not at all, and the removal of leftovers.

Promise: what is written goes to `.NAME.staging-PID` beside its target, is flushed to disk and renamed over
it. A name without that prefix is therefore complete. What a killed process left behind is removed by the next
write to the same target; the staging of a living process stays. When `flush` returns, what a file holds, or
which names a folder has, outlives a loss of power. Not promised: what a disk does that reports a write it has
not made.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

STAGING = "staging"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a free path beside `target`; the file written there replaces the target if the block succeeds."""
    remove_abandoned(target)
    staging = beside(target)
    try:
        yield staging
        flush(staging)
        os.replace(staging, target)
        flush(target.parent)
    finally:
        staging.unlink(missing_ok=True)


def beside(target: Path, role: str = STAGING) -> Path:
    """Return this process's hidden path beside `target`."""
    return target.with_name(f".{target.name}.{role}-{os.getpid()}")


def abandoned(folder: Path, name: str = "", role: str = STAGING) -> Iterator[Path]:
    """Yield what processes that have ended left in `folder`, of the target `name` or of any."""
    pattern = re.compile(rf"\.{re.escape(name) if name else '.+'}\.{role}-(\d+)", re.DOTALL)
    for path in sorted(folder.iterdir()):
        process = pattern.fullmatch(path.name)
        if process and not path.is_symlink() and not psutil.pid_exists(int(process[1])):
            yield path


def remove_abandoned(target: Path, role: str = STAGING) -> None:
    """Remove what ended processes, or this one, left of `target`."""
    for path in (*abandoned(target.parent, target.name, role), beside(target, role)):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or folder as far as the disk lets us; nothing there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk; raise OSError if the disk refuses."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
