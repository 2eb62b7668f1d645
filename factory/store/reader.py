"""Read-only SQL queries on the store, in a locked-down child process.

Promise: the store cannot be changed, no file, network or variable can be reached, and the child is cut off at
its limits of time, memory, rows and bytes: at the latest a second after its time by the kernel, whatever it
is doing. The child has an empty environment. While a writer has the store open, or a run is on, the child
reads a copy of one moment and says of which (`factory/store/snapshot.py`); the copying does not count as the
question's time.
"""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from factory.errors import FactoryError, InputError
from factory.store.snapshot import open_readable, sweep_now

GRACE_SECONDS = 1.0  # after the time of the question, for an answer that says that it was stopped


@dataclass(frozen=True)
class Limits:
    """What the questions put together may use: seconds of wall time, bytes of memory, rows and bytes of each
    answer."""

    seconds: float = 30.0
    memory: int = 2 << 30
    rows: int = 100_000
    bytes: int = 256 << 20


@dataclass(frozen=True)
class Answer:
    """Column names, their DuckDB types and rows of plain JSON values.

    `cut` says that the row limit cut it off; `as_of` is empty if the store itself was read, else the moment
    of the copy that was.
    """

    columns: list[str]
    rows: list[list[Any]]
    cut: bool
    types: list[str] = field(default_factory=list)
    as_of: str = ""


def ask(store: Path, sql: str, limits: Limits = Limits()) -> Answer:
    """Return the answer to one SELECT; InputError if it is refused or wrong, FactoryError if it was cut off
    or the store is busy."""
    return ask_all(store, [sql], limits)[0]


def ask_all(store: Path, statements: Sequence[str], limits: Limits = Limits()) -> list[Answer]:
    """Return the answers to several SELECTs, all of one moment, one after the other in one child; errors as
    `ask`."""
    if any("\ud800" <= character <= "\udfff" for sql in statements for character in sql):
        raise InputError("the statement contains an unpaired surrogate")
    question = {
        "store": str(store),
        "statements": list(statements),
        "limits": asdict(limits),
        "started": time.monotonic(),
    }
    try:
        # -P: a folder that happens to hold a `json.py` must not be imported from.
        child = subprocess.run(
            [sys.executable, "-P", "-m", "factory.store.reader"],
            input=json.dumps(question).encode(),
            capture_output=True,
            env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"},
            check=False,
        )
    except KeyboardInterrupt:
        sweep_now(store)
        raise
    if child.returncode:
        sweep_now(store)
        if child.returncode == -signal.SIGALRM:
            raise FactoryError(
                f"the query took longer than {limits.seconds:g} s and was stopped",
                "Ask for less, or raise --seconds.",
            )
        raise FactoryError(
            "the query exceeded its limit of memory or time and was stopped",
            "Ask for less at once.",
        )
    reply = json.loads(child.stdout)
    if "refused" in reply:
        raise InputError(reply["refused"])
    if "failed" in reply:
        raise FactoryError(reply["failed"], reply.get("hint", ""))
    return [Answer(**answer, as_of=reply["as_of"]) for answer in reply["answers"]]


def _locked_down(store: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    connection = duckdb.connect(
        str(store),
        read_only=True,
        config={
            "threads": 2,
            "memory_limit": f"{limits.memory // 2 >> 20}MB",
            "max_execution_time": int(limits.seconds * 1000),
            "max_expression_depth": 200,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "python_enable_replacements": False,
        },
    )
    # In this order: without access no folder can be set, and DuckDB makes a folder for spilled rows even if
    # none may be written.
    for setting in ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"SET {setting}")
    return connection


def _answer_all(store: Path, statements: list[str], limits: Limits) -> dict[str, Any]:
    try:
        connection, as_of = open_readable(store, lambda path: _locked_down(path, limits), _pause)
    except FactoryError as error:
        return {"failed": error.message, "hint": error.hint}
    except duckdb.Error as error:
        return {"failed": f"{store} cannot be read: {str(error).splitlines()[0]}"}
    answers = []
    for sql in statements:
        answer = _answer(connection, sql, limits)
        if "columns" not in answer:
            return answer
        answers.append(answer)
    return {"answers": answers, "as_of": as_of}


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, limits: Limits) -> dict[str, Any]:
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type.name not in ("SELECT", "EXPLAIN"):
            kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
            return {"refused": f"only one SELECT can be asked, and this is {kinds}"}
        cursor = connection.execute(statements[0])
        rows: list[list[Any]] = []
        size = 0
        while len(rows) <= limits.rows and (some := cursor.fetchmany(1000)):
            for row in some:
                rows.append([_json_value(value) for value in row])
                size += len(json.dumps(rows[-1], ensure_ascii=False))
            if size > limits.bytes:
                return {
                    "failed": f"the answer is larger than {limits.bytes >> 20} MB: ask for fewer rows or "
                    "columns"
                }
        reply = cursor.description or []
        columns = _numbered([column[0] for column in reply])
        return {
            "columns": columns,
            "types": [str(column[1]) for column in reply],
            "rows": rows[: limits.rows],
            "cut": len(rows) > limits.rows,
        }
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, MemoryError) as error:
        return {"failed": f"the question was stopped: {(str(error).splitlines() or ['out of memory'])[0]}"}
    except duckdb.Error as error:
        if "pytz" in str(error):
            return {
                "refused": "a time with a zone cannot be returned: cast it, for instance now()::TIMESTAMP"
            }
        return {"refused": str(error).split("\n\n")[0]}


def _numbered(names: list[str]) -> list[str]:
    """Return the names with a number behind each that has been there before, as DuckDB does in a table."""
    given: list[str] = []
    for name in names:
        number, new = 0, name
        while new in given:
            number += 1
            new = f"{name}_{number}"
        given.append(new)
    return given


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    return str(value)


def end_in(seconds: float) -> None:
    """Have the kernel end this process in so many seconds, whatever it is doing then."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))


def _pause() -> Callable[[], None]:
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    return lambda: end_in(left)


def main() -> None:
    """Answer the questions on standard input, on standard output."""
    question = json.loads(sys.stdin.buffer.read())
    limits = Limits(**question["limits"])
    # The clock is the machine's: what it took to start this process counts.
    end_in(question["started"] + limits.seconds + GRACE_SECONDS - time.monotonic())
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    cpu = int(limits.seconds * 2) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    sys.stdout.write(
        json.dumps(_answer_all(Path(question["store"]), question["statements"], limits), ensure_ascii=True)
    )


if __name__ == "__main__":
    main()
