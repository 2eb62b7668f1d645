"""A workspace: the folder of one project's store, models, logs and reports, and the lock that lets one run in
at a time.

Promise: the lock belongs to whoever runs, and to the children it started, until the last of them is gone; it
needs no cleaning up after a kill. A second process gets the holder's process id. Locks of the
operating system are unreliable on network file systems.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory.errors import FactoryError, InputError
from factory.store.ledger import Ledger
from factory.store.lock import flock, mark, run_lock_path

CHECKPOINT_MARK = "whole"  # the file that is written last into the folder of a checkpoint


@dataclass(frozen=True)
class Workspace:
    """The paths below one folder."""

    root: Path

    @property
    def lock_path(self) -> Path:
        return run_lock_path(self.store)

    @property
    def store(self) -> Path:
        return self.root / "factory.duckdb"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.root / "factory.ledger.jsonl")

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def prompts(self) -> Path:
        return self.root / "prompts"

    def existing(self) -> "Workspace":
        """Return self if there is a store here, or raise InputError."""
        if not self.store.is_file():
            raise InputError(
                f"{self.root} is not a workspace: there is no {self.store.name}",
                "Make one with: factory run RECIPE -w DIR",
            )
        return self

    @contextmanager
    def lock(self) -> Iterator[int]:
        """Make the folder if need be, hold its lock, and yield the lock's file descriptor, which children
        inherit."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            hint = "Choose another folder with -w."
            if self.store.is_file():
                hint = (
                    "It can be read: factory audit, factory doctor, factory export -o elsewhere. To work in "
                    "it, copy it to a folder that can be written, and name that with -w."
                )
            raise InputError(f"the workspace {self.root} cannot be written: {error.strerror}", hint) from None
        try:
            try:
                flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, self.root)
            except BlockingIOError:
                holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
                raise FactoryError(
                    f"the workspace {self.root} is busy: process {holder} is running in it",
                    "Wait for it, or stop it.",
                ) from None
            mark(handle, self.root)  # for readers of the store, who must not take the lock to see it
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            yield handle
        finally:
            os.close(handle)
