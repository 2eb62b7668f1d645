"""`factory review`: samples in a browser."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import WorkspacePath


def review(
    workspace: WorkspacePath,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="The recipe whose checks judge an edit, and beside which its files lie; the latest run's "
            "own, where it is left out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Look at samples in a browser, accept, reject and correct them. The next training follows what was said
    there. An edit goes through the checks of the recipe before it is stored.

    The page is served on this machine only, to anyone with the printed address. Ctrl-C ends it.
    """
    # Imported here, so that `factory --help` answers at once.
    from factory.review.server import ReviewServer
    from factory.workspace import Workspace

    with ReviewServer(Workspace(workspace).existing(), port, recipe) as server:
        typer.echo(server.url)
        typer.echo("Ctrl-C ends the review; every verdict is stored at once.", err=True)
        if browser:
            webbrowser.open(server.url)
        server.serve_forever()
