"""Snapshot for readers: the store itself while nobody writes, else a copy of one moment.

Promise: a copy is made in the writer's turn, so that it holds complete batches, namely all committed
before. The writer waits for as long as the copying takes and never for the question. The copy shares the
store's blocks where the file system can, is refused where the disk has no room for it, and has no name any
more when the question is asked; what a kill leaves behind, the next reader removes. While nobody writes, a
writer that comes waits until the readers of the file itself have ended. Not promised: a copy while a program
that is not the factory writes; the error names its process.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from factory.errors import FactoryError
from factory.store.lock import being_written, flock, lock_path, marked, open_lock, run_lock_path

RESERVE = 256 << 20  # bytes of the disk that are left to the writer

Connection = TypeVar("Connection")


def open_readable(
    store: Path, connect: Callable[[Path], Connection], pause: Callable[[], Callable[[], None]]
) -> tuple[Connection, str]:
    """Return what `connect` makes of the store, or of a copy, and when the copy was made (UTC, ISO 8601;
    empty for the store itself).

    For a process that ends after its question: until then it keeps its share of the turn. `pause` is called
    before the copying, and what it returns after it. Raise FactoryError if there is no room, or no copy can
    be made here.
    """
    lock = open_lock(store)
    if lock is None:
        return connect(store), ""
    try:
        flock(lock, fcntl.LOCK_SH, store)
        if not marked(lock) and not _run_is_on(store):
            return connect(store), ""
        flock(lock, fcntl.LOCK_EX, store)
        if not marked(lock) and _is_being_written(store):
            return connect(store), ""  # which says who has it
        resume = pause()
        sweep(store)
        folder, holder = _new_folder(store)
        try:
            at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
            _copy_all(store, folder)
            fcntl.flock(lock, fcntl.LOCK_UN)
            resume()
            return connect(folder / store.name), at
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(holder)
    except BaseException:
        os.close(lock)
        raise


def sweep(store: Path) -> None:
    """Remove the copies whose makers are gone. Only for whoever has the turn: a copy that is being made is
    told by its lock."""
    for folder in store.parent.glob(f"{store.name}.snapshot-*"):
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def sweep_now(store: Path) -> None:
    """Remove the copies whose makers are gone, if it is nobody's turn."""
    with suppress(OSError):
        lock = os.open(lock_path(store), os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep(store)
        finally:
            os.close(lock)


def _run_is_on(store: Path) -> bool:
    # Between its stages a run has no store open, and must not find one taken when the next begins.
    try:
        handle = os.open(run_lock_path(store), os.O_RDONLY)
    except OSError:
        return False
    try:
        return marked(handle)
    finally:
        os.close(handle)


def _is_being_written(store: Path) -> bool:
    handle = os.open(store, os.O_RDONLY)
    try:
        return being_written(handle)
    finally:
        os.close(handle)


def _new_folder(store: Path) -> tuple[Path, int]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{store.name}.snapshot-", dir=store.parent))
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise FactoryError(
            f"a run is writing, and no copy of the store can be made in {store.parent}: {error.strerror}",
            "Wait for the run to end, or ask as somebody who may write there.",
        ) from None
    fcntl.flock(handle, fcntl.LOCK_EX)
    return folder, handle


def _copy_all(store: Path, folder: Path) -> None:
    # The write-ahead log, and its like while a checkpoint was interrupted by a kill.
    files = [path for path in (store, *store.parent.glob(f"{store.name}.wal*")) if path.is_file()]
    needed, free = sum(path.stat().st_size for path in files), shutil.disk_usage(folder).free
    if needed + RESERVE > free:
        raise FactoryError(
            f"a run is writing, and a copy of the store takes {needed / 2**20:,.0f} MB in {store.parent}, "
            f"where {free / 2**20:,.0f} MB "
            f"are free ({RESERVE >> 20} MB stay the run's)",
            "Free space, or ask when the run has ended.",
        )
    try:
        for path in files:
            _copy(path, folder / path.name)
    except OSError as error:
        raise FactoryError(
            f"the store could not be copied to {folder}: {error.strerror}", "Ask when the run has ended."
        ) from None


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("xb") as new:
        try:
            while os.copy_file_range(old.fileno(), new.fileno(), 1 << 30):
                pass
        except OSError:
            # Not every file system can; what it did not do, is done the long way.
            old.seek(new.seek(0, os.SEEK_CUR))
            shutil.copyfileobj(old, new, 1 << 20)
