"""Questions to the store from people: one SELECT, in a locked-down child process.

Promise: the store cannot be changed, no file, network or variable can be reached, and the child is cut off at its limits of time, memory,
rows and bytes. The child has an empty environment. Not promised: answers while a writer has the store open (the error names its process).
"""

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from factory.errors import FactoryError, InputError


@dataclass(frozen=True)
class Limits:
    """What one question may use: seconds of wall time, bytes of memory, rows and bytes of its answer."""

    seconds: float = 30.0
    memory: int = 2 << 30
    rows: int = 100_000
    bytes: int = 256 << 20


@dataclass(frozen=True)
class Answer:
    """Column names and rows of plain JSON values; `cut` says that the row limit cut it off."""

    columns: list[str]
    rows: list[list[Any]]
    cut: bool


def ask(store: Path, sql: str, limits: Limits = Limits()) -> Answer:
    """Return the answer to one SELECT; InputError if it is refused or wrong, FactoryError if it was cut off or the store is busy."""
    if any("\ud800" <= character <= "\udfff" for character in sql):
        raise InputError("the question is not whole Unicode text")
    question = json.dumps({"store": str(store), "sql": sql, "limits": asdict(limits)})
    try:
        # -P: a folder that happens to hold a `json.py` must not be imported from.
        child = subprocess.run(
            [sys.executable, "-P", "-m", "factory.store.reader"],
            input=question.encode(),
            capture_output=True,
            timeout=limits.seconds + 1,
            env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FactoryError(
            f"the question took longer than {limits.seconds:g} s and was stopped", "Ask for less, or raise --seconds."
        ) from None
    if child.returncode:
        raise FactoryError("the question needed more memory or time than it may have, and was stopped", "Ask for less at once.")
    answer = json.loads(child.stdout)
    if "refused" in answer:
        raise InputError(answer["refused"])
    if "failed" in answer:
        raise FactoryError(answer["failed"])
    return Answer(**answer)


def _locked_down(store: str, limits: Limits) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        store,
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
    # In this order: without access no folder can be set, and DuckDB makes a folder for spilled rows even if none may be written.
    for setting in ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true"):
        connection.execute(f"SET {setting}")
    return connection


def _answer(store: str, sql: str, limits: Limits) -> dict[str, Any]:
    try:
        connection = _locked_down(store, limits)
    except duckdb.Error as error:
        return {"failed": f"{store} cannot be read: {str(error).splitlines()[0]}"}
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
                rows.append([_plain(value) for value in row])
                size += len(json.dumps(rows[-1], ensure_ascii=False))
            if size > limits.bytes:
                return {"failed": f"the answer is larger than {limits.bytes >> 20} MB: ask for fewer rows or columns"}
        columns = _told_apart([column[0] for column in cursor.description or ()])
        return {"columns": columns, "rows": rows[: limits.rows], "cut": len(rows) > limits.rows}
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, MemoryError) as error:
        return {"failed": f"the question was stopped: {(str(error).splitlines() or ['out of memory'])[0]}"}
    except duckdb.Error as error:
        if "pytz" in str(error):
            return {"refused": "a time with a zone cannot be shown: cast it, for instance now()::TIMESTAMP"}
        return {"refused": str(error).split("\n\n")[0]}


def _told_apart(names: list[str]) -> list[str]:
    """Return the names with a number behind each that has been there before, as DuckDB does in a table."""
    given: list[str] = []
    for name in names:
        number, new = 0, name
        while new in given:
            number += 1
            new = f"{name}_{number}"
        given.append(new)
    return given


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def main() -> None:
    """Answer the question on standard input, on standard output."""
    question = json.loads(sys.stdin.buffer.read())
    limits = Limits(**question["limits"])
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    cpu = int(limits.seconds * 2) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.stdout.write(json.dumps(_answer(question["store"], question["sql"], limits), ensure_ascii=True))


if __name__ == "__main__":
    main()
