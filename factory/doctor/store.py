"""Integrity check of the store: its blocks against their checksums, its rows against the ledger.

Every block in use is read, then every row of every batch (number and digest). Where a table cannot be read in
one pass it is read batch by batch, which separates the lost batches from the intact ones.
"""

import json
import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import duckdb

from factory.doctor.finding import Finding, Mend
from factory.doctor.rebuild import rebuild
from factory.errors import FactoryError
from factory.store.blocks import Blocks, examine_blocks
from factory.store.ledger import Entry
from factory.store.spelling import first_word, present_word
from factory.store.store import VIEWS, batch_content, connect, migrations, read_columns, table_contents
from factory.workspace import Workspace

Found = dict[tuple[int, str], dict[str, Any] | None]
START_OVER = (
    "Without a copy: move factory.duckdb, factory.duckdb.wal and factory.ledger.jsonl elsewhere; "
    "the next run then starts from the beginning."
)
CONTINUE = (
    "Without a copy: move factory.ledger.jsonl elsewhere; "
    "the next run keeps what is left and asks the teacher for the rest."
)


def examine_store(workspace: Workspace) -> Generator[Finding, None, duckdb.DuckDBPyConnection | None]:
    """Yield the findings and return the open store, None if it cannot be opened; FactoryError if another
    process is writing to it."""
    entries, fault = _entries(workspace)
    if fault:
        yield Finding(
            "fault",
            "ledger",
            fault,
            "Put the ledger back from a copy: without it nothing proves that the store is complete.",
        )
    all_lost = lost((entries or {}).values())
    if not workspace.store.exists():
        yield Finding(
            "fault", "store", f"{workspace.store.name} is gone; {all_lost}", put_back(workspace, START_OVER)
        )
        return None
    connection, closed = _open(workspace)
    blocks = examine_blocks(workspace.store)
    if blocks.unknown:
        yield Finding(
            "note", "store", f"{workspace.store.name}: {blocks.unknown}; its rows are read all the same"
        )
    if connection is None:
        problem = blocks.told() or closed
        log = workspace.store.with_name(workspace.store.name + ".wal")
        if blocks.whole and log.exists():
            problem = f"it is intact, but {log.name} ({log.stat().st_size:,} bytes) is damaged: {closed}"
        yield Finding(
            "fault",
            "store",
            f"{workspace.store.name} cannot be opened: {problem}; {all_lost}",
            put_back(workspace, START_OVER),
        )
        return None
    try:
        rows = list(_examine_rows(workspace, connection, entries, blocks))
        yield from rows
        yield from _examine_views(
            workspace, connection, mendable="fault" not in {finding.state for finding in rows}
        )
    except duckdb.Error as error:
        problem = blocks.told() or str(error).splitlines()[0]
        yield Finding(
            "fault",
            "store",
            f"{workspace.store.name}: {problem}; {all_lost}",
            put_back(workspace, START_OVER),
        )
    return connection


def _entries(workspace: Workspace) -> tuple[dict[int, Entry] | None, str]:
    try:
        return {entry.batch: entry for entry in workspace.ledger.entries()}, ""
    except FactoryError as error:
        return None, error.message


def _open(workspace: Workspace) -> tuple[duckdb.DuckDBPyConnection | None, str]:
    try:
        return connect(workspace.store, read_only=True), ""
    except FactoryError as error:
        if "is busy" in error.message:
            raise
        return None, error.message.partition("cannot be opened: ")[2]


def _examine_rows(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    ledger: dict[int, Entry] | None,
    blocks: Blocks,
) -> Iterator[Finding]:
    tables = _tables(connection)
    stored = _stored(connection) if "batches" in tables else {}
    # Without a ledger the rows are compared with the table `batches` of the store itself.
    entries = stored if ledger is None else ledger
    tables.discard("batches")
    found: Found = {}
    columns = read_columns(connection)
    for table in sorted(tables):
        found |= _contents(connection, table, list(columns[table]), sorted(set(entries) | set(stored)))
    faults = list(_against_ledger(workspace, entries, stored, found))
    for table in sorted(tables):
        strays = sum(
            content["rows"]
            for (batch, name), content in found.items()
            if name == first_word(table) and content and batch not in stored
        )
        if strays:
            faults.append(
                Finding(
                    "fault", "store", f"{table}: {strays} rows belong to no batch", put_back(workspace, "")
                )
            )
    if not blocks.whole:
        yield _damaged(
            workspace,
            connection,
            blocks,
            rows_intact=bool(ledger) and not faults and set(stored) == set(entries),
        )
    yield from faults
    yield from _behind(workspace, entries, stored, found, mendable=not faults)
    elsewhere = {entry.duckdb for entry in entries.values()} - {duckdb.__version__}
    if elsewhere:
        others = ", ".join(sorted(elsewhere))
        yield Finding(
            "note",
            "store",
            f"rows written by DuckDB {others} were counted, not compared: this is {duckdb.__version__}",
        )
    if not faults and entries:
        rows = sum(content["rows"] for content in found.values() if content)
        source = "store's own table of batches" if ledger is None else "ledger"
        summary = f"{len(entries)} batches, {rows} rows, all as the {source} records them"
        if blocks.whole and not blocks.unknown:
            summary += f", and every block of {blocks.size / 1e6:,.1f} MB is as it was written"
        yield Finding("ok", "store", summary)


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "SELECT DISTINCT table_name FROM duckdb_columns() JOIN duckdb_tables() USING (table_name) "
        "WHERE column_name = 'batch'"
    ).fetchall()
    return {name for (name,) in rows}


def _stored(connection: duckdb.DuckDBPyConnection) -> dict[int, Entry]:
    rows = connection.execute("SELECT batch, committed_at, content FROM batches ORDER BY batch").fetchall()
    return {
        batch: Entry(batch, at.isoformat(), duckdb.__version__, json.loads(content))
        for batch, at, content in rows
    }


def _contents(
    connection: duckdb.DuckDBPyConnection, table: str, names: list[str], batches: list[int]
) -> Found:
    """Return number and digest of each batch in a table, keyed by the ledger's name of the table; None for a
    batch that cannot be read."""
    word = first_word(table)
    try:
        contents = table_contents(connection, table, names)
        return {(batch, word): content for batch, content in contents.items()}
    except duckdb.Error:
        return {(batch, word): _content(connection, table, names, batch) for batch in batches}


def _content(
    connection: duckdb.DuckDBPyConnection, table: str, names: list[str], batch: int
) -> dict[str, Any] | None:
    try:
        return batch_content(connection, table, batch, names)
    except duckdb.Error:
        return None


def _against_ledger(
    workspace: Workspace, entries: dict[int, Entry], stored: dict[int, Entry], found: Found
) -> Iterator[Finding]:
    gone = [entry for batch, entry in sorted(entries.items()) if batch not in stored]
    others = [
        entry
        for batch, entry in sorted(entries.items())
        if batch in stored and stored[batch].tables != entry.tables
    ]
    if others:
        yield Finding(
            "fault",
            "store",
            "this is another store: batches of the same numbers differ from the ledger's; "
            f"{lost([*gone, *others])}",
            put_back(
                workspace,
                "Without a copy: move the ledger elsewhere if this store is the one that you want.",
            ),
        )
        return
    if gone:
        yield Finding(
            "fault", "store", f"{lost(gone)}. {_why(workspace, gone, stored)}", put_back(workspace, CONTINUE)
        )
    for batch in sorted(set(entries) & set(stored)):
        for table, expected in entries[batch].tables.items():
            content = found.get((batch, table), {"rows": 0, "digest": None})
            if content is None:
                problem = f"{expected['rows']} rows cannot be read"
            elif content["rows"] != expected["rows"]:
                problem = f"{content['rows']} rows, the ledger has {expected['rows']}"
            elif content["digest"] != expected["digest"] and entries[batch].duckdb == duckdb.__version__:
                problem = "rows are not what they were"
            else:
                continue
            yield Finding(
                "fault",
                "store",
                f"batch {batch}, {present_word(table)}: {problem}",
                put_back(workspace, START_OVER),
            )


def _why(workspace: Workspace, gone: list[Entry], stored: dict[int, Entry]) -> str:
    log = workspace.store.with_name(workspace.store.name + ".wal")
    if stored and max(stored) > min(entry.batch for entry in gone):
        return "Later batches exist, so rows were deleted from the store"
    if log.exists():
        return (
            f"{log.name} ends after batch {max(stored, default=0)}: "
            "it was cut short, or belongs to an earlier state of the file"
        )
    return (
        f"There is no {log.name}, which holds the latest batches until DuckDB takes them into "
        f"{workspace.store.name}: it was deleted, or the file was put back from an older copy without it"
    )


def _behind(
    workspace: Workspace, entries: dict[int, Entry], stored: dict[int, Entry], found: Found, *, mendable: bool
) -> Iterator[Finding]:
    """Batches that a kill kept out of the ledger: `--fix` enters them if their rows match the store's table
    of batches and there is no other fault."""
    missing = {batch: entry for batch, entry in stored.items() if batch not in entries}
    if not missing:
        return
    intact = all(
        found.get((batch, table)) == content
        for batch, entry in missing.items()
        for table, content in entry.tables.items()
    )
    numbers = _ranges(missing)
    if not intact:
        yield Finding(
            "fault",
            "store",
            f"batches {numbers} are not in the ledger, and their rows differ from the store's record",
            put_back(workspace, ""),
        )
        return

    def enter() -> None:
        for entry in missing.values():
            workspace.ledger.append(entry)

    ledger = workspace.ledger.path
    mend = Mend(f"enter batches {numbers} in {ledger.name}", enter, (ledger,) if ledger.exists() else ())
    yield Finding(
        "note",
        "ledger",
        f"batches {numbers} are complete in the store but not in {ledger.name}: "
        "a process was killed in between, or the ledger was replaced",
        "The next run enters them."
        if mendable
        else "They can be entered once the other faults are repaired.",
        mend if mendable else None,
    )


def _damaged(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, blocks: Blocks, *, rows_intact: bool
) -> Finding:
    what = f"{workspace.store.name}: {blocks.told()}"
    if not rows_intact:
        return Finding("fault", "store", what, put_back(workspace, START_OVER))

    def rewrite() -> None:
        connection.close()
        rebuild(workspace)

    return Finding(
        "fault",
        "store",
        f"{what}. Every row can be read and matches the ledger: an index is damaged, and can be rebuilt",
        "",
        Mend(
            f"rewrite {workspace.store.name} from its rows, and verify them",
            rewrite,
            (workspace.store,),
            blocks.size,
        ),
    )


def _examine_views(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, *, mendable: bool
) -> Iterator[Finding]:
    there = {
        name
        for (name,) in connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    }
    wanted = re.findall(r"^CREATE OR REPLACE VIEW (\w+)", VIEWS.read_text(encoding="utf-8"), re.MULTILINE)
    missing = sorted(set(wanted) - there)
    if not missing:
        return
    (applied,) = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone() or (0,)
    if applied < max(migrations()):
        yield Finding(
            "note",
            "store",
            "it has the schema of an older factory",
            "The next run copies and then updates it.",
        )
        return

    def make() -> None:
        connection.close()
        with connect(workspace.store) as writing:
            writing.begin()
            writing.execute(VIEWS.read_text(encoding="utf-8"))
            writing.commit()

    mend = Mend("make the views again", make, (workspace.store,))
    todo = "" if mendable else "The next run makes them again, once the other faults are repaired."
    yield Finding(
        "fault", "store", f"views are missing: {', '.join(missing)}", todo, mend if mendable else None
    )


def lost(entries: Iterable[Entry]) -> str:
    """Describe lost batches from the ledger: their numbers, times, and how many rows of which tables."""
    gone = list(entries)
    if not gone:
        return "the ledger has no batches, so there is no record of a loss"
    rows: Counter[str] = Counter()
    for entry in gone:
        rows.update({present_word(table): content["rows"] for table, content in entry.tables.items()})
    times = sorted(entry.at[:19] for entry in gone)
    of = ", ".join(f"{count:,} of {table}" for table, count in rows.most_common())
    numbers = _ranges({entry.batch: entry for entry in gone})
    word = "batches" if len(gone) > 1 else "batch"
    period = f"written from {times[0]} to {times[-1]} UTC"
    return f"lost: {word} {numbers} ({period}) with {sum(rows.values()):,} rows: {of}"


def put_back(workspace: Workspace, otherwise: str) -> str:
    """Recommend restoring a copy, naming those in the workspace, or else `otherwise`."""
    name = workspace.store.name
    copies = [
        *sorted(workspace.root.glob("factory.schema-*.duckdb")),
        *sorted(workspace.root.glob(f"copies/*/{name}")),
    ]
    here = (
        f" (older copies: {', '.join(path.relative_to(workspace.root).as_posix() for path in copies)})"
        if copies
        else ""
    )
    return f"Put back {name} and {name}.wal from a copy{here}. {otherwise}".strip()


def _ranges(batches: dict[int, Entry]) -> str:
    runs: list[list[int]] = []
    for batch in sorted(batches):
        if runs and batch == runs[-1][1] + 1:
            runs[-1][1] = batch
        else:
            runs.append([batch, batch])
    ranges = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs]
    return ", ".join(ranges[:10]) + (f" and {len(ranges) - 10} more ranges" if len(ranges) > 10 else "")
