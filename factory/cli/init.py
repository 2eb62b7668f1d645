"""`factory init`: a workspace of one's own to edit."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from factory.errors import InputError
from factory.recipe import load_recipe
from factory.system.resources import resource
from factory.tasks.kinds import KINDS

if TYPE_CHECKING:
    Template = str
else:
    Template = Literal[tuple(sorted(template for kind in KINDS.values() for template in kind.templates))]
USUAL, SCHEMA = "calculator", "recipe.schema.json"


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    recipe: Annotated[
        Template | None,
        typer.Option(help="Which shipped recipe to start from.", show_default=USUAL),
    ] = None,
    tools: Annotated[
        Path | None,
        typer.Option(
            help="A file of your own tools to start from instead: MCP, OpenAI, BFCL.", show_default=False
        ),
    ] = None,
    conversations: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="A file of conversations to make a student of instead: OpenAI fine-tuning, logs, ShareGPT.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Copy a shipped recipe with its data into a folder, or write one for your own tools or conversations,
    ready to edit."""
    beginnings = {"--recipe": recipe, "--tools": tools, "--from": conversations}
    if len(given := [name for name, value in beginnings.items() if value is not None]) > 1:
        count = "two" if len(given) == 2 else "three"
        raise InputError(f"{' and '.join(given)} are {count} beginnings", "Write one of them.")
    notes: list[str] = []
    if tools is not None or conversations is not None:
        source = tools or conversations
        assert source is not None
        kind = next(kind for kind in KINDS.values() if (kind.calls_tools if tools else not kind.is_asked))
        texts, notes = kind.start(source)
        files = {folder / name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}
    else:
        files = _copies(folder, recipe or USUAL)
    # Beside the recipe, whose first lines name it: an editor needs no checkout of the factory.
    files[folder / SCHEMA] = resource("schemas", SCHEMA).read_bytes()
    target = folder / "recipe.yaml"
    # The recipe comes last: where it is, the rest is.
    files[target] = files.pop(target)
    if there := next((path for path in files if path.exists()), None):
        raise InputError(f"{there} exists already", "Choose another folder.")
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}", "Choose another folder.") from None
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{target}")
    edited = f"{folder / 'data'}" + (f" and {folder / 'tools.py'}" if folder / "tools.py" in files else "")
    typer.echo(
        f"edit it and the files below {edited}, then: factory validate {target}, and: factory run {target} "
        f"-w {folder}",
        err=True,
    )


def _copies(folder: Path, recipe: str) -> dict[Path, bytes]:
    """Return what the files of a shipped recipe hold, by where they go."""
    source = resource("pipelines", f"{recipe}.yaml")
    loaded = load_recipe(source)
    files = [
        (
            source.data.seeds,
            source.kind.tool_file(source.data),
            source.kind.schema_file(source.data),
            source.held_out,
        )
        for source in loaded.recipe.sources
    ]
    names = [name for name in itertools.chain.from_iterable(files) if name]
    copies = {folder / name: loaded.resolve(name).read_bytes() for name in names}
    # What a shipped recipe says of itself holds in the checkout.
    text = source.read_text(encoding="utf-8").replace(f"../schemas/{SCHEMA}", SCHEMA)
    text = text.replace(f"pipelines/{recipe}.yaml", "recipe.yaml").replace(f"runs/{recipe}", ".")
    return copies | {folder / "recipe.yaml": text.encode()}
