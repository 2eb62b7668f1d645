"""An answer as a table for people, or as JSON, CSV or Parquet for programs.

Promise: a table fits its width: cells are folded and long ones cut with a count, and where the columns do not
fit beside each other, each row stands below the other as a record; nothing in a cell can drive a terminal,
hide or turn text. CSV can be opened in a spreadsheet: a text that it would run as a formula is given an
apostrophe. JSON and Parquet hold the texts as they are.
"""

import csv
import datetime
import decimal
import io
import json
import re
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from factory.text.visible import escape_hidden, truncate

if TYPE_CHECKING:
    import pyarrow as pa

    from factory.store.reader import Answer

LONGEST_CELL = 1000  # characters of a cell that a table shows
NARROWEST_COLUMN = 20  # cells: a column that needs more may be folded to this
NUMBERS = (
    *(
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
    ),
    *("FLOAT", "DOUBLE", "DECIMAL"),
)


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    json = "json"
    csv = "csv"
    parquet = "parquet"


def write(answer: "Answer", format: Format, width: int) -> bytes:
    """Return the answer in a format; `width` in terminal cells counts for tables."""
    if format is Format.parquet:
        return to_parquet(answer)
    text = (
        to_json(answer)
        if format is Format.json
        else to_csv(answer)
        if format is Format.csv
        else to_table(answer, width)
    )
    return text.encode()


def to_table(answer: "Answer", width: int) -> str:
    """Return the answer as a table, or as records if its columns do not fit, and the number of rows."""
    cells_of_rows = [
        [truncate(escape_hidden(plain_text(value)), LONGEST_CELL) for value in row] for row in answer.rows
    ]
    names = [escape_hidden(name) for name in answer.columns]
    # Of a column that could be folded, no less than this may be left.
    widths = [
        min(
            NARROWEST_COLUMN,
            max(map(cell_len, [name, *(line for row in cells_of_rows for line in row[place].split("\n"))])),
        )
        for place, name in enumerate(names)
    ]
    table = (
        _side_by_side(names, cells_of_rows, answer, widths)
        if sum(widths) + 3 * len(widths) <= width
        else _records(names, cells_of_rows)
    )
    return drawn(Group(table, Text(f"{len(answer.rows):,} row{'' if len(answer.rows) == 1 else 's'}")), width)


def drawn(renderable: RenderableType, width: int) -> str:
    """Return what rich makes of something in so many cells, without colours and without blanks at the ends of
    lines."""
    console = Console(file=io.StringIO(), width=width, color_system=None, emoji=False, highlight=False)
    console.print(renderable)
    return re.sub(r" +$", "", console.file.getvalue(), flags=re.MULTILINE)  # type: ignore[attr-defined]


def _side_by_side(
    names: list[str], cells_of_rows: list[list[str]], answer: "Answer", widths: list[int]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    kinds = answer.types or [""] * len(names)
    for name, cells, kind in zip(names, widths, kinds, strict=True):
        number = kind.startswith(NUMBERS) and not kind.endswith("]")
        table.add_column(Text(name), overflow="fold", min_width=cells, justify="right" if number else "left")
    for row in cells_of_rows:
        table.add_row(*map(Text, row))
    return table


def _records(names: list[str], cells_of_rows: list[list[str]]) -> RenderableType:
    records: list[RenderableType] = []
    for number, row in enumerate(cells_of_rows, 1):
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(overflow="fold", max_width=30)
        grid.add_column(overflow="fold")
        for name, text in zip(names, row, strict=True):
            grid.add_row(Text(name), Text(text))
        records += [Text(f"─── row {number} ───"), grid, Text("")]
    return Group(*records)


def to_json(answer: "Answer") -> str:
    """Return one array with an object for each row."""
    return (
        json.dumps(
            [dict(zip(answer.columns, row, strict=True)) for row in answer.rows], ensure_ascii=False, indent=1
        )
        + "\n"
    )


def to_csv(answer: "Answer") -> str:
    """Return CSV with a header, quoted by RFC 4180, lines ending with a line feed."""
    buffer = io.StringIO()
    # Before Python 3.13 a carriage return is not quoted where it is needed, and would end the row.
    plain, quoted = (
        csv.writer(buffer, lineterminator="\n"),
        csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL),
    )
    for row in (answer.columns, *answer.rows):
        cells = [_inert(value) for value in row]
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)
    return buffer.getvalue()


def _inert(value: object) -> str:
    text = plain_text(value)
    return "'" + text if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def plain_text(value: object) -> str:
    """Return a value as a person reads it: nothing for NULL, JSON for lists and structures."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def to_parquet(answer: "Answer") -> bytes:
    """Return a Parquet file; a column keeps its type if Parquet has it, and is text otherwise."""
    import pyarrow as pa
    import pyarrow.parquet

    types = answer.types or [""] * len(answer.columns)
    columns = {
        name: _column([row[place] for row in answer.rows], kind)
        for place, (name, kind) in enumerate(zip(answer.columns, types, strict=True))
    }
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _column(values: list[Any], kind: str) -> "pa.Array":
    import pyarrow as pa

    known: dict[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
        "VARCHAR": (pa.string(), str),
        "JSON": (pa.string(), str),
        "BOOLEAN": (pa.bool_(), bool),
        "BIGINT": (pa.int64(), int),
        "INTEGER": (pa.int32(), int),
        "DOUBLE": (pa.float64(), float),
        "FLOAT": (pa.float32(), float),
        "TIMESTAMP": (pa.timestamp("us"), datetime.datetime.fromisoformat),
        "DATE": (pa.date32(), datetime.date.fromisoformat),
    }
    try:
        if size := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
            exact = [None if value is None else decimal.Decimal(value) for value in values]
            return pa.array(exact, pa.decimal128(int(size[1]), int(size[2])))
        if kind in known:
            arrow, read = known[kind]
            return pa.array([None if value is None else read(value) for value in values], arrow)
        return pa.array(values)
    except (pa.ArrowException, OverflowError, ValueError):
        # What has no one type there, such as whole numbers beyond 64 bits or "nan" within lists, is text.
        return pa.array([None if value is None else plain_text(value) for value in values], pa.string())
