"""The command `factory`: its verbs, and how an error reaches the person: one sentence, an exit code, no
traceback."""

import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from factory import __version__
from factory.cli.audit import audit
from factory.cli.doctor import doctor
from factory.cli.export import export
from factory.cli.gguf import gguf
from factory.cli.init import init
from factory.cli.push import push
from factory.cli.review import review
from factory.cli.run import verbs
from factory.cli.search import search
from factory.cli.serve import chat, serve
from factory.cli.validate import validate
from factory.errors import FactoryError
from factory.system.extras import missing_extra
from factory.system.os_error import refused

INTERRUPTED = 130  # what Typer makes of Ctrl-C

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn a handful of seed tasks into a small model that does the job: generate, check, distill, "
    "compress, evaluate, report.",
)


def _add(panel: str, *functions: Callable[..., None]) -> None:
    for function in functions:
        app.command(rich_help_panel=panel)(function)


_add("Begin", init, validate)
for name, help_text, function in verbs():
    app.command(name, help=help_text, rich_help_panel="Work")(function)
_add("Work", search)
_add("Look", audit, review, export, doctor)
_add("Use", serve, chat, gguf, push)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _factory(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _fail(error: FactoryError) -> NoReturn:
    if str(error):
        typer.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted."""
    try:
        app(standalone_mode=True)
    except FactoryError as error:
        _fail(error)
    except ModuleNotFoundError as error:
        verb = f"factory {sys.argv[1]}" if len(sys.argv) > 1 else "factory"
        if (missing := missing_extra(error, verb)) is None:
            raise
        _fail(missing)
    except Exception as error:
        if (told := refused(error)) is None:
            raise
        _fail(told)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("interrupted; run the same command again to continue", err=True)
        raise


if __name__ == "__main__":
    main()
