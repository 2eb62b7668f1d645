"""All checks of a workspace, in the order in which a person would repair it."""

import shutil
from collections.abc import Iterator

from factory.doctor.finding import Finding
from factory.doctor.leftovers import examine_leftovers
from factory.doctor.models import examine_models
from factory.doctor.store import examine_store
from factory.errors import InputError
from factory.workspace import Workspace

LEAST_FREE = 2 * 2**30


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Yield the findings; InputError if there is neither a store nor a ledger, FactoryError if a run has
    the store open."""
    if not (workspace.store.exists() or workspace.ledger.path.exists()):
        raise InputError(
            f"{workspace.root} is not a workspace: there is no {workspace.store.name}",
            "Make one with: factory run RECIPE -w DIR",
        )
    yield from _examine_disk(workspace)
    connection = yield from examine_store(workspace)
    try:
        yield from examine_models(workspace, connection)
    finally:
        if connection is not None:
            connection.close()
    yield from examine_leftovers(workspace)


def _examine_disk(workspace: Workspace) -> Iterator[Finding]:
    free = shutil.disk_usage(workspace.root).free
    parts = ", ".join(
        f"{name} {sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1e6:,.0f} MB"
        for name, folder in (
            ("models", workspace.models),
            ("checkpoints", workspace.checkpoints),
            ("all", workspace.root),
        )
    )
    enough = free >= LEAST_FREE
    yield Finding(
        "ok" if enough else "fault",
        "disk",
        f"{free / 1e9:,.1f} GB are free; this workspace takes: {parts}",
        "" if enough else "`factory run` needs 2 GB: free space, or move the workspace.",
    )
