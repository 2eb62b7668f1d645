"""`factory audit`: question the store in SQL."""

import csv
import io
import json
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from factory.cli.options import WorkspacePath
from factory.errors import InputError
from factory.visible import visible

if TYPE_CHECKING:
    from factory.store.reader import Answer

VIEWS = "SELECT view_name AS view, comment AS shows FROM duckdb_views() WHERE NOT internal ORDER BY view_name"


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    json = "json"
    csv = "csv"
    parquet = "parquet"


def audit(
    workspace: WorkspacePath,
    question: Annotated[str | None, typer.Argument(help="A view, or one SELECT. Left out: the list of views.", show_default=False)] = None,
    format: Annotated[Format, typer.Option(help="How the answer is written.")] = Format.table,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; parquet needs one.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="Most rows.", min=1)] = 100_000,
    seconds: Annotated[float, typer.Option(help="Longest time.", min=0.1)] = 30.0,
) -> None:
    """Question the store: a view's name, or one SELECT. Nothing can be changed, and no file be reached."""
    # Imported here, so that `factory --help` answers at once.
    from factory.store.reader import Limits, ask
    from factory.workspace import Workspace

    sql = VIEWS if question is None else f'SELECT * FROM "{question}"' if re.fullmatch(r"\w+", question) else question
    answer = ask(Workspace(workspace).existing().store, sql, Limits(seconds=seconds, rows=limit))
    if output is not None:
        _write(answer, format, output)
    elif format is Format.parquet:
        raise InputError("parquet goes to a file: name it with -o")
    else:
        text = _text(answer, format)
        # Nothing in a sample may drive a terminal; whoever reads a pipe gets the text as it is.
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    if answer.cut:
        typer.echo(f"only the first {limit} rows; raise --limit for more", err=True)


def _text(answer: "Answer", format: Format) -> str:
    if format is Format.json:
        return json.dumps([dict(zip(answer.columns, row, strict=True)) for row in answer.rows], ensure_ascii=False, indent=1) + "\n"
    if format is Format.csv:
        buffer = io.StringIO()
        # Before Python 3.13 a carriage return is not quoted where it is needed, and would end the row.
        plain, quoted = csv.writer(buffer, lineterminator="\n"), csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in (answer.columns, *answer.rows):
            cells = [_csv_cell(value) for value in row]
            (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)
        return buffer.getvalue()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in answer.columns:
        table.add_column(Text(visible(column)), overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text(visible(_cell(value))) for value in row))
    console = Console(file=io.StringIO(), width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print(f"{len(answer.rows)} rows")
    return console.file.getvalue()  # type: ignore[attr-defined]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv_cell(value: object) -> str:
    # Spreadsheets run cells that begin with these; an apostrophe makes them text.
    text = _cell(value)
    return "'" + text if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _write(answer: "Answer", format: Format, output: Path) -> None:
    try:
        if format is Format.parquet:
            _write_parquet(answer, output)
        else:
            output.write_text(_text(answer, format), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}", "Name another file with -o.") from None


def _write_parquet(answer: "Answer", output: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    def column(values: list[object]) -> pa.Array:
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError):
            # What has no one type there, such as numbers beside "nan" or beyond 64 bits, is text.
            return pa.array([None if value is None else _cell(value) for value in values], pa.string())

    columns = {name: column([row[place] for row in answer.rows]) for place, name in enumerate(answer.columns)}
    pyarrow.parquet.write_table(pa.table(columns), output)
