"""`factory audit`: question the store in SQL."""

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory.audit.format import Format, write
from factory.cli.options import WorkspacePath
from factory.errors import InputError
from factory.system.atomic import replacing
from factory.text.visible import escape_hidden

if TYPE_CHECKING:
    from factory.store.reader import Answer, Limits

PIPE_WIDTH = 160
TABLE_ROWS, OTHER_ROWS = 100, 100_000


def audit(
    workspace: WorkspacePath,
    question: Annotated[
        str | None, typer.Argument(help="A view, or one SELECT. Left out: the overview.", show_default=False)
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "-i",
            "--interactive",
            help="Ask on at a prompt; from a pipe: every statement of it.",
            show_default=False,
        ),
    ] = False,
    format: Annotated[Format, typer.Option(help="How the answer is written.")] = Format.table,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write, instead of standard output.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of rows; else 100 in a table, 100000 elsewhere.", min=1, show_default=False
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Longest time.", min=0.1)] = 30.0,
) -> None:
    """Question the store: nothing for an overview, a view's name, or one SELECT. Nothing can be changed, and
    no file be reached."""
    # Imported here, so that `factory --help` answers at once.
    from factory.audit.overview import overview
    from factory.store.reader import Limits, ask
    from factory.workspace import Workspace

    store = Workspace(workspace).existing().store
    if (
        output is not None
        and output.parent.resolve() == store.parent.resolve()
        and output.name.startswith("factory.")
    ):
        raise InputError(f"-o {output} is a file of the workspace itself", "Name another.")
    limits = Limits(seconds=seconds, rows=limit or (TABLE_ROWS if format is Format.table else OTHER_ROWS))
    if format is Format.parquet and output is None and (interactive or sys.stdout.isatty()):
        raise InputError("parquet goes to a file or a pipe: name a file with -o")
    if interactive:
        if question is not None or output is not None:
            raise InputError("at the prompt (-i) no question is given, and no file with -o")
        _converse(store, limits, format)
    elif question is not None:
        sql = (
            f'SELECT * FROM "{question}" LIMIT {limits.rows + 1}'
            if re.fullmatch(r"\w+", question)
            else question
        )
        _put(ask(store, sql, limits), format, output, limits)
    elif format is Format.table:
        _look(store, limits, output)
    else:
        _put(overview(store, limits).rows(), format, output, limits)


def _look(store: Path, limits: "Limits", output: Path | None = None) -> None:
    from factory.audit.overview import overview
    from factory.audit.overview_text import overview_text

    seen = overview(store, limits)
    _note(seen.as_of)
    _send(overview_text(seen, _width()).encode(), output)


def _put(answer: "Answer", format: Format, output: Path | None, limits: "Limits") -> None:
    _note(answer.as_of)
    _send(write(answer, format, _width()), output)
    if answer.cut:
        typer.echo(f"only the first {limits.rows} rows; raise --limit for more", err=True)


def _note(as_of: str) -> None:
    if as_of:
        typer.echo(f"a run is writing: this is a copy of the store as it was at {as_of} UTC", err=True)


def _send(content: bytes, output: Path | None) -> None:
    try:
        if output is not None and output.exists() and not output.is_file():
            # A pipe, a terminal.
            output.write_bytes(content)
        elif output is not None:
            with replacing(output.resolve()) as staging:
                staging.write_bytes(content)
        elif sys.stdout.isatty():
            # Nothing in a sample may drive a terminal; whoever reads a pipe gets the text as it is.
            sys.stdout.write(escape_hidden(content.decode()))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"{output or 'standard output'} cannot be written: {error.strerror}", "Name another file with -o."
        ) from None


def _converse(store: Path, limits: "Limits", format: Format) -> None:
    from factory.audit import prompt
    from factory.audit.catalog import catalog

    known = catalog(store)
    conversation = prompt.Conversation(
        store,
        limits,
        known,
        show=lambda answer: _put(answer, format, None, limits),
        say=lambda text: _send(text.encode(), None),
        look=lambda: _look(store, limits),
    )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        prompt.read_pipe(conversation, sys.stdin)
        return
    session = prompt.terminal_session(known)
    typer.echo(r"\? helps, \q ends", err=True)
    prompt.read_terminal(conversation, lambda text: typer.echo(text, err=True), session)


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
