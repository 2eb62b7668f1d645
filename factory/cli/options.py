"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

RecipePath = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
OtherRecipe = Annotated[
    bool,
    typer.Option(
        "--other-recipe",
        help="Go on in a workspace that holds the work of another recipe. What is there stays in the store; "
        "views, report and review show this one.",
        show_default=False,
    ),
]
WorkspacePath = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", help="The folder of the store, models and reports.", show_default=False
    ),
]
