"""Rows of Parquet files and of Arrow tables.

Promise: of the columns only those that somebody reads are decoded; the others are named, and empty. A few
hundred rows are held at a time. A value that cannot be decoded (text that is not UTF-8, a date beyond
Python's) is a fault of its row. Not promised: a bound on what a small file made to unpack into gigabytes
takes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from factory.errors import InputError
from factory.seeds.row import Row

MAX_ROWS = 1_000_000
BATCH = 256
MAX_GROUP_BYTES = 2 * 1024**3  # a row group is what a reader may have to unpack at once


def parquet_rows(path: Path, wanted: frozenset[str], limit: int | None) -> Iterator[Row]:
    """Yield the rows of a Parquet file, counted from 1; raise InputError if it is none, is damaged, or has
    too many rows for no limit."""
    try:
        with pq.ParquetFile(path) as file:
            names, meta = list(file.schema_arrow.names), file.metadata
            require_few(str(path), meta.num_rows, limit)
            if len(set(names)) < len(names):
                raise InputError(f"{path} names a column twice", "Give each column a name of its own.")
            if any(
                meta.row_group(group).total_byte_size > MAX_GROUP_BYTES
                for group in range(meta.num_row_groups)
            ):
                raise InputError(
                    f"{path} has row groups of more than {MAX_GROUP_BYTES >> 30} GB",
                    "Write it with smaller row groups.",
                )
            read = [name for name in names if name in wanted]
            if not read:
                yield from blank_rows(names, meta.num_rows)
                return
            line = 1
            for batch in file.iter_batches(batch_size=BATCH, columns=read):
                yield from arrow_rows(batch, names, line)
                line += batch.num_rows
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or _first_line(error)}") from None
    except pa.ArrowException as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None


def arrow_rows(batch: pa.RecordBatch | pa.Table, names: list[str], first: int) -> Iterator[Row]:
    """Yield the rows of a batch, which begins with row `first` of a table with the columns `names`."""
    blank = dict.fromkeys(_columns(names))
    for offset, values in enumerate(_values(batch)):
        if isinstance(values, str):
            yield Row(first + offset, fault=values)
        else:
            yield Row(first + offset, {**blank, **values})


def blank_rows(names: list[str], count: int) -> Iterator[Row]:
    """Yield the rows of a table of which no column is read."""
    for number in range(1, count + 1):
        yield Row(number, dict.fromkeys(_columns(names)))


def require_few(where: str, rows: int, limit: int | None) -> None:
    """Raise InputError if there are more than `MAX_ROWS` and no limit on how many are read."""
    if rows > MAX_ROWS and limit is None:
        raise InputError(
            f"{where} has {rows:,} rows, more than {MAX_ROWS:,}", "Seeds are a handful of tasks; set a limit."
        )


def _columns(names: list[str]) -> list[str]:
    # pandas keeps its index as a column, which nobody wrote.
    return [name for name in names if not name.startswith("__index_level_")]


def _values(batch: pa.RecordBatch | pa.Table) -> Iterator[dict[str, Any] | str]:
    """Yield the values of each row, or why there are none; row by row only where the batch as a whole cannot
    be decoded."""
    try:
        yield from batch.to_pylist()
        return
    except (ValueError, OverflowError, TypeError, pa.ArrowException):
        pass
    for position in range(batch.num_rows):
        try:
            yield batch.slice(position, 1).to_pylist()[0]
        except (ValueError, OverflowError, TypeError, pa.ArrowException) as error:
            yield f"a value cannot be decoded: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
