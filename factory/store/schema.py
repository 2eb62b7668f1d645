"""The store's schema as one SQL script: the contract for tools that query a store directly.

Promise: the same text for the same migrations and views; `schemas/store.sql` is this text, and a test keeps
it so. Run on an empty database it gives every table and view of a new store, comments included. `python -m
factory.store.schema > schemas/store.sql` regenerates it. Not in it: rows, and the order in which migrations
came to this schema.
"""

import sys
import tempfile
from pathlib import Path

import duckdb

from factory.store.ledger import Ledger
from factory.store.store import VIEWS, Store

HEAD = """\
-- The tables and views of factory.duckdb. Written by: python -m factory.store.schema > schemas/store.sql
-- Comments can be asked for as well: SELECT table_name, column_name, comment FROM duckdb_columns()
"""

COLUMNS = """
SELECT column_name, comment FROM duckdb_columns()
WHERE table_name = ? AND comment IS NOT NULL ORDER BY column_index
"""


def store_sql() -> str:
    """Return the script, with a final newline: tables in the order of their names, then the views in the
    order that they need."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "factory.duckdb"
        with Store(path, Ledger(Path(folder) / "factory.ledger.jsonl")):
            pass
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "SELECT table_name, sql, comment FROM duckdb_tables() ORDER BY table_name"
            ).fetchall()
            parts = [_table(connection, *table) for table in tables]
    return "\n".join([HEAD, *parts, VIEWS.read_text(encoding="utf-8")])


def _table(connection: duckdb.DuckDBPyConnection, name: str, sql: str, comment: str | None) -> str:
    head, body = sql.removesuffix(");").split("(", 1)
    lines = [f"{head} (", ",\n".join(f"    {column}" for column in _columns(body)), ");"]
    if comment:
        lines.append(f"COMMENT ON TABLE {name} IS {_quoted(comment)};")
    for column, about in connection.execute(COLUMNS, [name]).fetchall():
        spelled = f'"{column}"' if f'"{column}"' in sql else column
        lines.append(f"COMMENT ON COLUMN {name}.{spelled} IS {_quoted(about)};")
    return "\n".join(lines) + "\n"


def _columns(body: str) -> list[str]:
    """Split the inside of a CREATE TABLE at its outermost commas."""
    depth, parts = 0, [""]
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    sys.stdout.write(store_sql())
