"""Rows of a CSV file with a header line, quoted as RFC 4180 says.

Promise: the number of a row is that of the line on which it begins, however many lines its cells take. A cell
has no more characters than `csv.field_size_limit()`, 131,072 unless someone moved it. After a quote that is
never closed the rest of the file is lost, which is reported. Every cell is text: an empty one counts as
missing, and none is made a number. Commas, semicolons, tabs or bars separate: the sign that cuts the header
and the first records into the same number of cells, or the one that Excel's line `sep=;` names.
"""

import contextlib
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from factory.errors import InputError
from factory.seeds.row import Row
from factory.seeds.text_file import MAX_RECORD_BYTES

_SEPARATOR_LINE = re.compile(rb"sep=([,;\t|])\r?\n")
_SNIFFED, _RECORDS = 64 * 1024, 20


def csv_rows(data: bytes, path: Path) -> Iterator[Row]:
    """Yield one row for each record; raise InputError if the header cannot be read."""
    lines = _Lines(data)
    reader = csv.reader(lines, strict=True, delimiter=_delimiter(data, path))
    try:
        if _SEPARATOR_LINE.match(data):
            next(lines)
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


def _delimiter(data: bytes, path: Path) -> str:
    if named := _SEPARATOR_LINE.match(data):
        return named[1].decode()
    usual = "\t" if ".tsv" in path.suffixes or ".tab" in path.suffixes else ","
    start = data[:_SNIFFED].decode(errors="replace")
    return max(usual + ",;\t|", key=lambda sign: _agreeing(start, sign))


def _agreeing(start: str, delimiter: str) -> int:
    """Return how many of the first records have as many cells as the header, 0 where that is one."""
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    sizes = []
    with contextlib.suppress(csv.Error, ValueError):
        sizes = [len(cells) for cells in itertools.islice(reader, _RECORDS) if cells]
    return sum(size == sizes[0] for size in sizes) if sizes and sizes[0] > 1 else 0


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
        return line.decode()
