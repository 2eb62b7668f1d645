"""`factory init`: a workspace of one's own to edit."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from factory.errors import InputError
from factory.recipe import load_recipe
from factory.resources import resource


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    recipe: Annotated[Literal["calculator"], typer.Option(help="Which shipped recipe to start from.")] = "calculator",
) -> None:
    """Copy a shipped recipe with its seeds, tools and held-out tasks into a folder, ready to edit."""
    source = resource("pipelines", f"{recipe}.yaml")
    target = folder / "recipe.yaml"
    if target.exists():
        raise InputError(f"{target} exists already", "Choose another folder.")
    loaded = load_recipe(source)
    data, evaluate = loaded.recipe.data, loaded.recipe.evaluate
    for name in [data.seeds, data.tools, *([evaluate.held_out] if evaluate else [])]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(loaded.resolve(name), folder / name)
    shutil.copyfile(source, target)
    typer.echo(f"{target}")
    typer.echo(f"edit it and the files below {folder / 'data'}, then: factory run {target} -w {folder}", err=True)
