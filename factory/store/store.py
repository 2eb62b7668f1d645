"""The store: a DuckDB file with one writer, and migrations.

Promise: `commit` brings rows of several tables in one transaction or not at all, gives the transaction a
batch number, and enters it in the ledger. After a kill at any moment the store holds exactly the batches that
were committed. Opening proves the batch numbers against the ledger and refuses to continue if the store lost
some, or if its schema is newer; a refused store is left untouched, so that what was misplaced can be put
back. Older schemas are migrated after a copy was made. The file is changed only in the writer's turn
(`factory/store/lock.py`), so that a copy made in between is of one moment. Not promised: more than one writer
(the workspace's lock keeps the second out), or detection of damaged blocks (`factory doctor` reads all rows).
"""

import datetime
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from factory.errors import FactoryError
from factory.store.ledger import Entry, Ledger
from factory.store.lock import Turn, reading
from factory.store.spelling import first_word, spelled
from factory.store.uncertainty import enter_batch, enter_missing
from factory.system.atomic import replacing
from factory.system.digest import bytes_id
from factory.system.os_error import refused

Row = dict[str, Any]
# What DuckDB says of a file that is newer, or older, than it can read.
_OTHER_DUCKDB = re.compile(
    r"version number|storage version|newer version of DuckDB|older version of DuckDB|file was created with",
    re.IGNORECASE,
)

VIEWS = Path(__file__).with_name("views.sql")

_ARROW = {
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR[]": pa.list_(pa.string()),
    "INTEGER[]": pa.list_(pa.int32()),
    "FLOAT[]": pa.list_(pa.float32()),
    "INTEGER[][]": pa.list_(pa.list_(pa.int32())),
    "FLOAT[][]": pa.list_(pa.list_(pa.float32())),
}


class Store:
    """An open store. Use it as a context manager; rows are dictionaries keyed by column, JSON columns hold
    any JSON value."""

    def __init__(self, path: Path, ledger: Ledger):
        self.path = path
        self._ledger = ledger
        self._turn = Turn(path)
        try:
            with self._turn.taken():
                _verify(path, ledger)
                self._connection = connect(path)
                try:
                    self._migrate()
                    self._columns = read_columns(self._connection)
                    self._batch = self._enter_missing()
                    self._turn.mark()
                except BaseException:
                    self._connection.close()
                    raise
        except BaseException:
            self._turn.close()
            raise

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        # DuckDB writes its checkpoint when it closes.
        with self._turn.taken():
            self._connection.close()
        self._turn.close()

    def query(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> list[Row]:
        """Return all rows of a statement; JSON columns come back as text."""
        cursor = self._connection.execute(sql, parameters or [])
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def warm_up(self) -> None:
        """Do now what the first commit would lose half a second with: DuckDB imports pandas before it takes
        its first Arrow table."""
        self._connection.from_arrow(pa.table({"warm": [0]}))

    def commit(self, **tables: list[Row]) -> int:
        """Add rows to tables in one transaction, and return its batch number. Empty tables are skipped.

        Raises FactoryError if the store refuses a row or cannot be written, ValueError for a column that is
        not in the table; then no row of any table was added.
        """
        tables = {name: rows for name, rows in tables.items() if rows}
        if not tables:
            return self._batch
        with self._turn.taken():
            return self._commit(tables)

    def _commit(self, tables: dict[str, list[Row]]) -> int:
        batch, at = self._batch + 1, now()
        connection = self._connection
        connection.begin()
        try:
            for name, rows in tables.items():
                arrow = self._to_arrow(name, [row | {"batch": batch} for row in rows])
                connection.register("incoming", arrow)
                connection.execute(f'INSERT INTO "{name}" BY NAME SELECT * FROM incoming')
                connection.unregister("incoming")
            if "generations" in tables:
                enter_batch(connection, batch)
            content = {
                first_word(name): batch_content(connection, name, batch, list(self._columns[name]))
                for name in sorted(tables)
            }
            connection.execute("INSERT INTO batches VALUES (?, ?, ?)", [batch, at, json.dumps(content)])
            connection.commit()
        except BaseException as error:
            # A commit that failed has ended its transaction already.
            with suppress(duckdb.Error):
                connection.rollback()
            if isinstance(error, duckdb.Error | pa.ArrowException):
                told = refused(error)
                raise FactoryError(
                    f"{self.path}: the store could not be written: {error}",
                    f"What was committed before is safe. {told.hint if told else 'Is the disk full?'}",
                ) from error
            raise
        self._batch = batch
        self._ledger.append(Entry(batch, at.isoformat(), duckdb.__version__, content))
        return batch

    def _to_arrow(self, table: str, rows: list[Row]) -> pa.Table:
        columns = self._columns[table]
        given = {name for row in rows for name in row}
        if unknown := sorted(given - set(columns)):
            raise ValueError(f"{table} has no column {', '.join(unknown)}")
        names = [name for name in columns if name in given]
        values = {name: [_plain(row.get(name), columns[name]) for row in rows] for name in names}
        return pa.table({name: pa.array(values[name], _ARROW[columns[name]]) for name in names})

    def _migrate(self) -> None:
        connection = self._connection
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name VARCHAR NOT NULL, "
            "applied_at TIMESTAMP NOT NULL)"
        )
        (applied,) = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone() or (0,)
        files = migrations()
        owed = [number for number in files if number > applied]
        if owed and applied:
            connection.execute("CHECKPOINT")
            _copy(self.path, self.path.with_suffix(f".schema-{applied}.duckdb"))
        for number in owed:
            connection.begin()
            connection.execute(files[number].read_text(encoding="utf-8"))
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", [number, files[number].stem, now()])
            connection.commit()
        # Views are made again only when they changed: a run with nothing to do leaves the file as it is.
        comment = f"Which numbered migrations were applied; the views are {bytes_id(VIEWS.read_bytes())}."
        if connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'migrations'"
        ).fetchone() != (comment,):
            connection.begin()
            connection.execute(VIEWS.read_text(encoding="utf-8"))
            enter_missing(connection)
            connection.execute(f"COMMENT ON TABLE migrations IS '{comment}'")
            connection.commit()

    def _enter_missing(self) -> int:
        """Enter batches that a kill kept out of the ledger, and return the latest batch."""
        entered = {entry.batch for entry in self._ledger.entries()}
        stored = self._connection.execute(
            "SELECT batch, committed_at, content FROM batches ORDER BY batch"
        ).fetchall()
        for batch, at, content in stored:
            if batch not in entered:
                self._ledger.append(Entry(batch, at.isoformat(), duckdb.__version__, json.loads(content)))
        return max((batch for batch, _, _ in stored), default=0)


def _copy(store: Path, target: Path) -> None:
    try:
        with replacing(target) as staging:
            shutil.copy2(store, staging)
    except OSError as error:
        raise FactoryError(
            f"{store} has an older schema, and cannot be copied before it is updated: {error.strerror}",
            "Nothing was changed. Make room beside it, and run the same command again.",
        ) from None


UPDATE = "A store of an older factory is copied and updated by: factory check RECIPE -w DIR"


def migrations() -> dict[int, Path]:
    """Return the numbered steps from the first schema to this one."""
    return {int(path.name[:4]): path for path in sorted((Path(__file__).parent / "migrations").glob("*.sql"))}


def _verify(path: Path, ledger: Ledger) -> None:
    """Raise FactoryError if the store has lost batches of the ledger, or is newer than this factory. Changes
    neither."""
    applied = 0
    stored: dict[int, Any] = {}
    if path.exists():
        with connect(path, read_only=True) as connection:
            try:
                tables = {
                    name
                    for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
                }
                if "migrations" in tables:
                    (applied,) = connection.execute(
                        "SELECT coalesce(max(number), 0) FROM migrations"
                    ).fetchone() or (0,)
                if "batches" in tables:
                    stored = {
                        batch: json.loads(content)
                        for batch, content in connection.execute(
                            "SELECT batch, content FROM batches"
                        ).fetchall()
                    }
            except (duckdb.Error, ValueError) as error:
                raise FactoryError(
                    f"{path} is damaged: {str(error).splitlines()[0]}", doctor_hint(path)
                ) from None
    if applied > (newest := max(migrations())):
        raise FactoryError(
            f"{path} has schema {applied}, this factory supports up to {newest}", "Update the factory."
        )
    entries = {entry.batch: entry for entry in ledger.entries()}
    # A batch of that number with other content is another store's: the one of the ledger is as lost.
    if lost := sorted(batch for batch, entry in entries.items() if stored.get(batch) != entry.tables):
        rows = sum(table["rows"] for batch in lost for table in entries[batch].tables.values())
        raise FactoryError(
            f"{path} has lost {len(lost)} of {len(entries)} batches ({rows} rows, the first is batch "
            f"{lost[0]}): "
            f"the ledger has {len(entries)}, the store {len(stored)}",
            f"Restore {path.name} and {path.name}.wal from a copy. {doctor_hint(path)}",
        )


def doctor_hint(path: Path) -> str:
    """Return the hint to run the doctor on a damaged store."""
    return f"Run factory doctor -w {path.parent} to see what is lost and what to do."


def connect(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the file, or raise FactoryError saying who holds it or what is wrong with it."""
    try:
        return duckdb.connect(
            str(path), read_only=read_only, config={"threads": 2, "enable_external_access": False}
        )
    except duckdb.Error as error:
        text = str(error).splitlines()[0]
        if _OTHER_DUCKDB.search(text):
            raise FactoryError(
                f"{path} was written by another version of DuckDB than {duckdb.__version__}, the one here: "
                f"{text}",
                "Nothing in it is changed. Install the version of DuckDB that wrote it (the ledger beside it "
                "names it with each batch), or take the factory that did.",
            ) from None
        if (told := refused(error)) is not None:
            raise FactoryError(f"{path} cannot be opened: {text}", told.hint) from None
        if "could not set lock" in text.lower():
            raise FactoryError(
                f"{path} is busy: {text}", "Wait for that process to end, or stop it."
            ) from None
        raise FactoryError(
            f"{path} cannot be opened: {text}", f"Restore the file from a copy. {doctor_hint(path)}"
        ) from None


@contextmanager
def read_store(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file to read it while no writer changes it; FactoryError if it cannot be opened, or a question
    shows that it cannot be read."""
    with reading(path), connect(path, read_only=True) as connection:
        try:
            _require_current(path, connection)
            yield connection
        except duckdb.Error as error:
            message = f"{path} cannot be read: {str(error).splitlines()[0]}"
            raise FactoryError(
                message,
                f"The next run updates a store of an older factory. {doctor_hint(path)}",
            ) from None


def _require_current(path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    (applied,) = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone() or (0,)
    if applied < max(migrations()):
        raise FactoryError(f"{path} has the schema of an older factory", UPDATE)


def read_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return the types of the columns of each table, in order."""
    columns: dict[str, dict[str, str]] = {}
    for table, name, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY "
        "table_name, column_index"
    ).fetchall():
        columns.setdefault(table, {})[name] = kind
    return columns


def batch_content(
    connection: duckdb.DuckDBPyConnection, table: str, batch: int, names: list[str]
) -> dict[str, Any]:
    """Return the number and digest of one batch's rows: SHA-256 over the sorted SHA-256 of each row's text.
    `names` are the table's columns in order."""
    rows = connection.execute(_content_query(table, names, "WHERE batch = ?"), [batch]).fetchall()
    return {"rows": rows[0][1], "digest": rows[0][2]} if rows else {"rows": 0, "digest": None}


def table_contents(
    connection: duckdb.DuckDBPyConnection, table: str, names: list[str]
) -> dict[int, dict[str, Any]]:
    """Return the same of every batch that has rows in the table, in one reading."""
    rows = connection.execute(_content_query(table, names)).fetchall()
    return {batch: {"rows": count, "digest": digest} for batch, count, digest in rows}


def _content_query(table: str, names: list[str], where: str = "") -> str:
    # Columns that a migration added stand behind `batch`. They count where they are filled: a digest from
    # before the migration still holds.
    first = names.index("batch") + 1
    columns = spelled(table, names)
    row_text = "{" + ", ".join(f"'{name}': {value}" for name, value in columns[:first]) + "}::VARCHAR"
    later = "".join(
        f" || coalesce(chr(10) || '{name}: ' || {value}::VARCHAR, '')" for name, value in columns[first:]
    )
    digests = f'SELECT batch, sha256({row_text}{later}) AS digest FROM "{table}" {where}'
    return (
        "SELECT batch, count(*), sha256(string_agg(digest, '' ORDER BY digest)) "
        f"FROM ({digests}) GROUP BY batch"
    )


def now() -> datetime.datetime:
    """Return the time in UTC without a zone, as the store keeps it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def _plain(value: Any, kind: str) -> Any:
    if kind == "JSON" and value is not None:
        return _encodable(json.dumps(value, ensure_ascii=False))
    if kind == "VARCHAR[]" and value is not None:
        return [_encodable(text) for text in value]
    return _encodable(value) if isinstance(value, str) else value


def _encodable(text: str) -> str:
    # DuckDB refuses lone surrogates, and one of them would reject the whole batch.
    return text.encode("utf-8", "replace").decode("utf-8")
