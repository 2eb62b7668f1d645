"""The lock beside the store: whose turn it is, and whether a writer is alive.

Promise: the file `factory.duckdb.lock` carries two locks of the operating system, both gone with the last
process that has them. A mark (a record lock that can be seen without being taken) says that a writer has the
store open; whoever holds the turn (flock) may change the files or copy them, and outside its turn a writer
leaves them as they are. Readers of the files themselves share the turn. A file system without such locks is
refused in one sentence. Not promised: that a network file system's locks are worth anything, or anything
against programs that write the store without the factory.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from factory.errors import FactoryError
from factory.system.os_error import unlockable


def lock_path(store: Path) -> Path:
    """Return the path of a store's lock."""
    return store.with_name(f"{store.name}.lock")


def run_lock_path(store: Path) -> Path:
    """Return the path of the lock that a run of the store's workspace holds."""
    return store.parent / "factory.lock"


@contextmanager
def reading(store: Path) -> Iterator[None]:
    """Share the turn, so that a writer waits until the files have been read."""
    handle = open_lock(store)
    if handle is None:
        yield
        return
    try:
        flock(handle, fcntl.LOCK_SH, store)
        yield
    finally:
        os.close(handle)


def open_lock(store: Path) -> int | None:
    """Return a handle on a store's lock. None: no factory has opened the store for writing since there are
    locks, or the lock may not be seen, and DuckDB's own decides."""
    # Network file systems give the lock that excludes others to handles alone that could write.
    for mode in (os.O_RDWR, os.O_RDONLY):
        with suppress(OSError):
            return os.open(lock_path(store), mode)
    return None


def flock(handle: int, how: int, path: Path) -> None:
    """Lock an open file; InputError if its file system cannot, OSError if it is locked and `how` does not
    wait."""
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        raise unlockable(path, error) from None


class Turn:
    """The lock of one store in the hands of its writer."""

    def __init__(self, store: Path):
        self._store = store
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
        flock(self._handle, fcntl.LOCK_EX, self._store)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def mark(self) -> None:
        """Let readers know that the store is open, until `close`."""
        mark(self._handle, self._store)

    def close(self) -> None:
        os.close(self._handle)


def mark(handle: int, path: Path) -> None:
    """Put a mark on an open file; InputError if its file system cannot, OSError if somebody else has."""
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _record())
    except OSError as error:
        raise unlockable(path, error) from None


def marked(handle: int) -> bool:
    """Return whether somebody else has put a mark on the file."""
    return _is_lock(handle, _record())


def being_written(handle: int) -> bool:
    """Return whether a DuckDB of another process has the database file open for writing."""
    return _is_lock(handle, _record(fcntl.F_RDLCK))


def _record(kind: int = fcntl.F_WRLCK) -> bytes:
    # struct flock of Linux: type, whence, start, length (0: to the end), process id.
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)


def _is_lock(handle: int, wanted: bytes) -> bool:
    """Return whether a lock of somebody else is in the way of the one that is wanted."""
    try:
        record = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, wanted)
    except OSError as error:
        raise unlockable("the store", error) from None
    kind: int = struct.unpack_from("h", record)[0]
    return kind != fcntl.F_UNLCK
