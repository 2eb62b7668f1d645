"""The ledger: a text file beside the store that records every committed batch.

Promise: every batch that was committed is a line here (number of rows and digest for each table), flushed to
disk after the commit. DuckDB opens without complaint after losing its write-ahead log, so only the ledger can
tell a store that lost rows from a young one. A batch that was committed while the line was not yet written
(killed in between) is added when the store is next opened for writing. Not promised: protection against
somebody who edits both files.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from factory.errors import FactoryError


@dataclass(frozen=True)
class Entry:
    """One committed batch: `tables` maps a table to its number of rows and their digest."""

    batch: int
    at: str
    duckdb: str
    tables: dict[str, dict[str, Any]]


class Ledger:
    """The file `factory.ledger.jsonl` of a workspace, one JSON object a line."""

    def __init__(self, path: Path):
        self.path = path

    def entries(self) -> list[Entry]:
        """Return all entries in order; a torn last line is left out, any other damage raises FactoryError
        with its line number."""
        if not self.path.exists():
            return []
        *complete, _ = self.path.read_bytes().split(b"\n")
        entries = []
        for number, line in enumerate(complete, 1):
            try:
                entries.append(_entry(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise FactoryError(
                    f"{self.path}:{number}: not a ledger entry",
                    "Restore the file from a copy. Run factory doctor -w "
                    f"{self.path.parent} to see what it covers.",
                ) from None
        return entries

    def append(self, entry: Entry) -> None:
        """Add an entry and flush it to disk, cutting off a torn last line first; FactoryError if the disk
        refuses."""
        line = json.dumps(asdict(entry), sort_keys=True).encode() + b"\n"
        try:
            with self.path.open("a+b") as file:
                if size := file.seek(0, os.SEEK_END):
                    file.seek(0)
                    complete = file.read().rfind(b"\n") + 1 if not self._ends_complete(file, size) else size
                    file.truncate(complete)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FactoryError(
                f"{self.path} cannot be written: {error.strerror}",
                "The rows are in the store; the next run enters them here.",
            ) from error

    @staticmethod
    def _ends_complete(file: Any, size: int) -> bool:
        file.seek(size - 1)
        ends_complete: bool = file.read(1) == b"\n"
        file.seek(0)
        return ends_complete


def _entry(line: bytes) -> Entry:
    fields = json.loads(line)
    tables = {
        name: {"rows": int(content["rows"]), "digest": str(content["digest"])}
        for name, content in fields["tables"].items()
    }
    return Entry(int(fields["batch"]), str(fields["at"]), str(fields["duckdb"]), tables)
