"""The lock beside the store: whose turn it is, and whether a writer is alive.

Promise: the file `factory.duckdb.lock` carries two locks of the operating system, both gone with the last
process that has them. A mark (a record lock that can be seen without being taken) says that a writer has the
store open; whoever holds the turn (flock) may change the files or copy them, and outside its turn a writer
leaves them as they are. Readers of the files themselves share the turn. Not promised: anything on network
file systems, or against programs that write the store without the factory.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.errors import FactoryError


def lock_path(store: Path) -> Path:
    """Return the path of a store's lock."""
    return store.with_name(f"{store.name}.lock")


def run_lock_path(store: Path) -> Path:
    """Return the path of the lock that a run of the store's workspace holds."""
    return store.parent / "factory.lock"


@contextmanager
def reading(store: Path) -> Iterator[None]:
    """Share the turn, so that a writer waits until the files have been read."""
    try:
        handle = os.open(lock_path(store), os.O_RDONLY)
    except OSError:
        # No factory has opened the store for writing since there are locks, or the lock may not be seen:
        # DuckDB's own decides.
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


class Turn:
    """The lock of one store in the hands of its writer."""

    def __init__(self, store: Path):
        try:
            self._handle = os.open(lock_path(store), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise FactoryError(
                f"{lock_path(store)} cannot be opened: {error.strerror}",
                "The store's folder has to be there, and writable.",
            ) from None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and hold it."""
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def mark(self) -> None:
        """Let readers know that the store is open, until `close`."""
        mark(self._handle)

    def close(self) -> None:
        os.close(self._handle)


def mark(handle: int) -> None:
    """Put a mark on an open file; OSError if somebody else has."""
    fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _record())


def marked(handle: int) -> bool:
    """Return whether somebody else has put a mark on the file."""
    return _is_lock(fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _record()))


def being_written(handle: int) -> bool:
    """Return whether a DuckDB of another process has the database file open for writing."""
    return _is_lock(fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _record(fcntl.F_RDLCK)))


def _record(kind: int = fcntl.F_WRLCK) -> bytes:
    # struct flock of Linux: type, whence, start, length (0: to the end), process id.
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)


def _is_lock(record: bytes) -> bool:
    kind: int = struct.unpack_from("h", record)[0]
    return kind != fcntl.F_UNLCK
