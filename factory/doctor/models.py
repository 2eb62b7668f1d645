"""Integrity check of the models: every byte against manifest and store."""

from collections.abc import Iterator

import duckdb

from factory.doctor.finding import Finding
from factory.errors import FactoryError
from factory.models.artifact import MANIFEST, verify
from factory.workspace import Workspace

ARTIFACTS = "SELECT name, kind, path, digest, artifact_id FROM artifacts WHERE kind <> 'model' ORDER BY batch"
AFTER = "SELECT name FROM artifacts WHERE list_contains(parents, ?)"


def examine_models(workspace: Workspace, connection: duckdb.DuckDBPyConnection | None) -> Iterator[Finding]:
    """Yield the findings; without a store each folder is compared with its own manifest only."""
    rows: list[tuple[str, str, str, str, str]] = []
    if connection is not None:
        try:
            rows = connection.execute(ARTIFACTS).fetchall()
        except duckdb.Error:
            yield Finding(
                "fault",
                "model",
                "the store's table of models cannot be read; folders are only compared with their manifests",
            )
    known = set()
    for name, kind, path, digest, artifact_id in rows:
        known.add(path)
        folder = workspace.root / path
        if not folder.exists():
            yield Finding(
                "note",
                "model",
                f"{name} ({kind}) is in the store, but its folder is gone",
                "The next run that needs it makes it again.",
            )
            continue
        try:
            artifact = verify(folder)
        except FactoryError as error:
            made = (
                [child for (child,) in connection.execute(AFTER, [artifact_id]).fetchall()]
                if connection
                else []
            )
            after = (
                f" Made from it: {', '.join(made)}; models made before the damage are not affected."
                if made
                else ""
            )
            yield Finding(
                "fault",
                "model",
                f"{name} ({kind}): {error.message}.{after}",
                f"Put {path} back from a copy, or remove it: the next run makes it again.",
            )
            continue
        if artifact.digest == digest:
            size = f"{artifact.weight_bytes / 2**20:,.0f} MB of weights"
            yield Finding("ok", "model", f"{name}: {len(artifact.files)} files, {size}, as recorded")
        else:
            yield Finding(
                "note",
                "model",
                f"{name}: intact, but made again since it was first recorded",
                "Earlier figures refer to the old version.",
            )
    for folder in sorted(workspace.models.iterdir()) if workspace.models.is_dir() else []:
        if folder.name.startswith(".") or folder.relative_to(workspace.root).as_posix() in known:
            continue
        try:
            if not folder.is_dir():
                raise FactoryError(f"{folder} is not a folder")
            verify(folder)
        except FactoryError as error:
            yield Finding(
                "note",
                "model",
                f"not in the store: {error.message}",
                f"No run finished it ({MANIFEST} is written last). Remove it if it is not yours.",
            )
        else:
            yield Finding(
                "note",
                "model",
                f"{folder.name}: intact, but not in the store",
                "The next run of its recipe records it; remove it if there is no such recipe.",
            )
