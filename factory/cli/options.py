"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

RecipePath = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
WorkspacePath = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", help="The folder of the store, models and reports.", show_default=False
    ),
]
