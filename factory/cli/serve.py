"""`factory serve` and `factory chat`: a student in use."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory.cli.options import WorkspacePath

if TYPE_CHECKING:
    from factory.system.progress import Progress

Artifact = Annotated[
    str | None,
    typer.Option(help="Name of the student; the last one that its recipe lets ship if none is given."),
]
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)]
Length = Annotated[int, typer.Option(help="Maximum tokens of conversation and answer together.", min=256)]
Cache = Annotated[float, typer.Option(help="Memory for the attention cache, in GB.", min=0.1)]
Defer = Annotated[
    bool,
    typer.Option("--defer", help="Pass on labels less likely than the student's calibration asks."),
]
Below = Annotated[
    float | None, typer.Option(help="Pass on labels less likely than this instead.", min=0.0, max=1.0)
]
DeferTo = Annotated[
    str, typer.Option(help="URL, ending in /v1, of the server that answers what is passed on.")
]
DeferModel = Annotated[str, typer.Option(help="What that server calls its model.")]


def serve(
    workspace: WorkspacePath,
    artifact: Artifact = None,
    port: Port = 8000,
    max_model_len: Length = 2048,
    kv_cache_gb: Cache = 1.0,
    defer: Defer = False,
    defer_below: Below = None,
    defer_to: DeferTo = "",
    defer_model: DeferModel = "",
) -> None:
    """Serve a student behind vLLM's OpenAI API, tool calls included; one with a classification head behind a
    server of its own. Prints the URL when it answers; Ctrl-C ends it.

    On this machine alone: the server asks for no key.
    """
    from factory.serve.deferral import deferring
    from factory.serve.labels import is_classifier, label_serving
    from factory.serve.server import Serving

    folder, log, progress = _chosen(workspace, artifact)
    passed_on = deferring(folder, wanted=defer, below=defer_below, to=defer_to, model=defer_model)
    if is_classifier(folder):
        server: Any = label_serving(folder, port=port, deferring=passed_on)
    else:
        server = Serving(
            folder,
            port=port,
            max_model_len=max_model_len,
            kv_cache_gb=kv_cache_gb,
            log=log,
            progress=progress,
        )
    with server as serving:
        typer.echo(serving.url)
        typer.echo(f"model {serving.model}; Ctrl-C ends it, the log is {log}", err=True)
        try:
            serving.wait()
        except KeyboardInterrupt:
            typer.echo("ended", err=True)


def chat(
    workspace: WorkspacePath,
    artifact: Artifact = None,
    max_model_len: Length = 2048,
    kv_cache_gb: Cache = 1.0,
) -> None:
    """Talk to a student in the terminal; its tool calls are carried out. One line is one turn; Ctrl-D ends
    it."""
    from factory.errors import InputError
    from factory.serve.chat import Chat, known_tools
    from factory.serve.labels import is_classifier
    from factory.serve.server import Serving
    from factory.workspace import Workspace

    folder, log, progress = _chosen(workspace, artifact)
    if is_classifier(folder):
        raise InputError(
            f"{folder.name} answers with labels, and holds no conversation", "Use: factory serve"
        )
    tools = known_tools(Workspace(workspace))
    with Serving(
        folder, port=0, max_model_len=max_model_len, kv_cache_gb=kv_cache_gb, log=log, progress=progress
    ) as serving:
        talk = Chat(serving.url, serving.model, tools, lambda text: typer.echo(f"  {text}", err=True))
        typer.echo(f"{serving.model}; Ctrl-D ends the conversation", err=True)
        try:
            while line := _line():
                if line.strip():
                    typer.echo(talk.say(line.strip()))
        except KeyboardInterrupt:
            typer.echo("ended", err=True)


def _line() -> str:
    if sys.stdin.isatty():
        typer.echo("> ", err=True, nl=False)
    return sys.stdin.readline()


def _chosen(workspace: Path, artifact: str | None) -> tuple[Path, Path, "Progress"]:
    from factory.serve.server import choose
    from factory.system.process import interrupt_once
    from factory.system.progress import Progress
    from factory.workspace import Workspace

    # An ordinary kill ends the server as Ctrl-C does.
    interrupt_once()
    place = Workspace(workspace).existing()
    return choose(place, artifact), place.logs / "serve.log", Progress()
