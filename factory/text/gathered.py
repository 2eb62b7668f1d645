"""Faults of rows gathered by what is wrong: each told once, at its first row, with how many more have it."""

from collections.abc import Iterable
from typing import NamedTuple

MOST = 50  # faults that are told
_LINES = 5


class RowFault(NamedTuple):
    """What is wrong with a row. `same` is equal for rows with one fault; left out, that is the message."""

    source: str
    line: int
    message: str
    same: str = ""


def gathered(faults: Iterable[RowFault], most: int = MOST) -> list[str]:
    """Return a line for each fault of a file, in order: `FILE:LINE: message`, and the other lines."""
    found: dict[tuple[str, str], list[RowFault]] = {}
    for fault in faults:
        found.setdefault((fault.source, fault.same or fault.message), []).append(fault)
    told = [_told(rows) for rows in found.values()]
    more = len(told) - most
    return [*told[:most], *([f"… and {more} more"] if more > 0 else [])]


def _told(rows: list[RowFault]) -> str:
    first = rows[0]
    told = f"{first.source}:{first.line}: {first.message}"
    if len(rows) == 1:
        return told
    lines = ", ".join(str(row.line) for row in rows[:_LINES])
    return f"{told} ({len(rows)} rows: lines {lines}{', …' if len(rows) > _LINES else ''})"
