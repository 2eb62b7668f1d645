"""`factory init`: a workspace of one's own to edit."""

import shutil
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


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    recipe: Annotated[
        Template,
        typer.Option(help="Which shipped recipe to start from."),
    ] = "calculator",
) -> None:
    """Copy a shipped recipe with its data into a folder, ready to edit."""
    source = resource("pipelines", f"{recipe}.yaml")
    target = folder / "recipe.yaml"
    loaded = load_recipe(source)
    data, evaluate = loaded.recipe.data, loaded.recipe.evaluate
    tools = [file] if (file := KINDS[data.kind].tool_file(data)) else []
    names = [data.seeds, *tools, *([evaluate.held_out] if evaluate else [])]
    # The recipe comes last: where it is, the rest is.
    copies = {**{folder / name: loaded.resolve(name) for name in names}, target: source}
    if there := next((path for path in copies if path.exists()), None):
        raise InputError(f"{there} exists already", "Choose another folder.")
    try:
        for path, original in copies.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, path)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}", "Choose another folder.") from None
    typer.echo(f"{target}")
    typer.echo(
        f"edit it and the files below {folder / 'data'}, then: factory run {target} -w {folder}", err=True
    )
