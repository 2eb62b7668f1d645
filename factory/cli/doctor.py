"""`factory doctor`: is everything there, and is it what it was?"""

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from factory.errors import FactoryError
from factory.visible import visible

SIGNS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


def doctor(
    workspace: Annotated[Path | None, typer.Option("--workspace", "-w", help="Also look at this workspace.", show_default=False)] = None,
) -> None:
    """Look at the environment, the store against its ledger, and the models against their digests. Exit code 1 if anything is wrong."""
    # Imported here, so that `factory --help` answers at once.
    from factory.doctor import examine, examine_environment
    from factory.workspace import Workspace

    inside = examine(Workspace(workspace).existing()) if workspace else ()
    faults = 0
    for finding in chain(examine_environment(), inside):
        typer.echo(f"{SIGNS[finding.state]} {visible(finding.what)}")
        faults += finding.state == "fault"
    if faults:
        raise FactoryError(
            f"{faults} fault(s) found",
            "Restore what is damaged from a copy, or remove a damaged model folder: the next run makes it again.",
        )
