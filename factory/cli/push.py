"""`factory push`: a student, or what an export wrote, to the Hugging Face Hub."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from factory.workspace import Workspace


def push(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|MODEL|FOLDER",
            help="The recipe of the latest run (its student), a student by name, or a folder that factory "
            "export or factory gguf made.",
            show_default=False,
        ),
    ],
    repository: Annotated[
        str, typer.Argument(metavar="REPO", help="Where to: owner/name.", show_default=False)
    ],
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="The folder of the store and models; not for a FOLDER.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the files, their sizes and the card, and send nothing.")
    ] = False,
    public: Annotated[
        bool, typer.Option("--public", help="Let all read it; else only its owners can.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove the files that the repository has beside these.")
    ] = False,
) -> None:
    """Push a student with its model card, or an exported dataset with its own, to the Hugging Face Hub.

    It becomes visible in one commit, when every file is there. The token is that of `hf auth login`, or
    HF_TOKEN.
    """
    from factory.errors import InputError
    from factory.export.parcel import Parcel, folder_parcel, model_parcel
    from factory.text.quantities import NO_BREAK, size
    from factory.workspace import Workspace

    def chosen() -> Parcel:
        path = Path(what)
        if path.is_dir() and workspace is None:
            return folder_parcel(path)
        if workspace is None:
            raise InputError(f"{what} is no folder; a student is in a workspace", "Name that with -w DIR.")
        place = Workspace(workspace).existing()
        if path.is_file():
            _require_latest(place, path)
            return model_parcel(place, None)
        return model_parcel(place, what)

    parcel = chosen()
    for name, count in parcel.sizes().items():
        typer.echo(f"{name}  {size(count).replace(NO_BREAK, ' ')}")
    if dry_run:
        typer.echo(f"\n{parcel.card}")
        typer.echo(f"nothing was sent; it would be a {parcel.kind} in {repository}", err=True)
        return
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from factory.export.push import Order
    from factory.export.push import push as send

    if not sys.stderr.isatty():
        disable_progress_bars()
    typer.echo(send(parcel, Order(repository, public, replace)))


def _require_latest(workspace: "Workspace", recipe: Path) -> None:
    """Raise InputError where the latest run is of another recipe: its student is not meant."""
    from factory.errors import InputError
    from factory.recipe import load_recipe
    from factory.store.store import read_store

    with read_store(workspace.store) as connection:
        latest = connection.execute("SELECT recipe_digest, recipe_name FROM current_run").fetchone()
    if latest is None or latest[0] != load_recipe(recipe).digest:
        raise InputError(
            f"the latest run in {workspace.root} is not of {recipe}",
            "Name the student itself: factory audit artifacts -w DIR lists them.",
        )
