"""Rebuild of the store from its rows, for a file whose damage is outside the rows (an index).

Promise: the new file takes the old one's place only after every batch in it has the number of rows and the
digest that the ledger has. Until then, and if anything fails, the old file stays as it was. The caller has
made a copy.
"""

import os
import tempfile
from pathlib import Path

import duckdb

from factory.errors import FactoryError
from factory.store.ledger import Ledger
from factory.store.spelling import present_word
from factory.store.store import Store, connect, read_columns, table_contents
from factory.system.atomic import flush
from factory.workspace import Workspace


def rebuild(workspace: Workspace) -> None:
    """Rewrite the store; FactoryError if a batch differs from the ledger afterwards."""
    store = workspace.store
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=".rebuild-") as folder:
        fresh = Path(folder) / store.name
        with Store(fresh, Ledger(Path(folder) / "ledger")):
            pass
        _copy_rows(store, fresh)
        _prove(workspace, fresh)
        flush(fresh)
        store.with_name(store.name + ".wal").unlink(missing_ok=True)
        os.replace(fresh, store)
        flush(workspace.root)


def _copy_rows(old: Path, fresh: Path) -> None:
    with duckdb.connect(str(fresh), config={"threads": 2, "preserve_insertion_order": True}) as connection:
        quoted = str(old).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS old (READ_ONLY)")
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'old' AND table_name <> "
            "'migrations' ORDER BY table_name"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f'INSERT INTO "{table}" BY NAME SELECT * FROM old."{table}"')
        connection.execute("DETACH old")
        connection.execute("CHECKPOINT")


def _prove(workspace: Workspace, fresh: Path) -> None:
    with connect(fresh, read_only=True) as connection:
        columns = read_columns(connection)
        contents: dict[str, dict[int, dict[str, object]]] = {}
        for entry in workspace.ledger.entries():
            for first, expected in entry.tables.items():
                table = present_word(first)
                if table not in contents:
                    contents[table] = table_contents(connection, table, list(columns[table]))
                found = contents[table].get(entry.batch)
                if (
                    found is None
                    or found["rows"] != expected["rows"]
                    or (entry.duckdb == duckdb.__version__ and found != expected)
                ):
                    raise FactoryError(
                        f"batch {entry.batch} of {table} did not come out as it was; {workspace.store} was "
                        "left as it is",
                        "Put the store back from a copy.",
                    )
