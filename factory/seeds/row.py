"""Raw rows of a seed file, before validation.

Promise: a reader yields one `Row` for each record, with its number, and a record that cannot be read as a row
with a reason; only a source that cannot be opened at all is an `InputError`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One record: a JSON value, or why there is none. `line` counts from 1."""

    line: int
    value: Any = None
    fault: str = ""


@dataclass(frozen=True)
class Part:
    """One file of a source. `where` is how faults name it, `name` how its seeds do, `stem` begins the ids of
    rows that have none.

    In a tabular part an empty cell is None and means that the row lacks the field; in JSON null is a value,
    and in our own formats a wrong one.
    """

    where: str
    name: str
    stem: str
    tabular: bool
    rows: Iterator[Row]
