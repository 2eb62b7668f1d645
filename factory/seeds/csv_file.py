"""Rows of a CSV file with a header line, quoted as RFC 4180 says.

Promise: the number of a row is that of the line on which it begins, however many lines its cells take. A cell
has no more characters than `csv.field_size_limit()`, 131,072 unless someone moved it. After a quote that is
never closed the rest of the file is lost, which is reported. Every cell is text: an empty one counts as
missing, and none is made a number. Only commas separate.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from factory.errors import InputError
from factory.seeds.row import Row
from factory.seeds.text_file import MAX_RECORD_BYTES


def csv_rows(data: bytes, path: Path) -> Iterator[Row]:
    """Yield one row for each record; raise InputError if the header cannot be read."""
    lines = _Lines(data)
    reader = csv.reader(lines, strict=True)
    try:
        header = next((cells for cells in reader if cells), [])
    except (csv.Error, ValueError) as error:
        raise InputError(f"{path}:{max(lines.number, 1)}: the header line cannot be read: {error}") from None
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise InputError(
            f"{path}:1: the header names the column {twice[0][:80]!r} twice",
            "Give each column a name of its own.",
        )
    while True:
        first = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, ValueError) as error:
            yield Row(first, fault=f"not a CSV record: {error}")
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield Row(first, fault=f"not a CSV record: {len(cells)} cells under {len(header)} columns")
            continue
        # A column without a name is the row number that pandas writes.
        yield Row(first, {name: cell or None for name, cell in zip(header, cells, strict=True) if name})


class _Lines:
    """The decoded lines of a file. One that cannot be decoded raises and does not end the iteration, as it
    would in a generator."""

    def __init__(self, data: bytes):
        self._lines = iter(io.BytesIO(data))
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        if len(line) > MAX_RECORD_BYTES:
            raise ValueError(f"a line is longer than {MAX_RECORD_BYTES >> 20} MB")
        return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
