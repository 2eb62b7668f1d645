"""What a server says where it gives no answer: its sentence, the parameters that it names, its status.

Promise: whatever the body is, the sentence of every server that `docs/servers.md` lists is found in it,
errors inside a 200 included. Not promised: that a sentence is true.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LONGEST = 300
_NESTED = ("error", "errors", "detail", "details")
_SAID = ("message", "msg", "error_message", "title", "reason")


@dataclass(frozen=True)
class Complaint:
    """One error of a server. `names`: the parameters that it points at, beside those in its sentence."""

    sentence: str
    names: tuple[str, ...] = ()
    status: int | None = None


def read_complaint(body: bytes) -> Complaint:
    """Return what an error's body says; its first line where it is no JSON."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return Complaint(_line(body.decode(errors="replace")))
    return complaint(value)


def complaint(value: Any) -> Complaint:
    """Return what a JSON value says."""
    found = list(_found(value, 0))
    sentences = list(dict.fromkeys(said for said, _, _ in found if said))
    names = tuple(dict.fromkeys(name for _, names, _ in found for name in names))
    statuses = [status for _, _, status in found if status is not None]
    return Complaint(_line("; ".join(sentences)), names, statuses[0] if statuses else None)


def _found(value: Any, depth: int) -> Iterator[tuple[str, tuple[str, ...], int | None]]:
    """Yield sentences with the names and the status beside them, outermost first."""
    if depth > 6:
        return
    if isinstance(value, str):
        inner = _parsed(value)
        yield from _found(inner, depth + 1) if inner is not None else [(value, (), None)]
    elif isinstance(value, list):
        for item in value[:8]:
            yield from _found(item, depth + 1)
    elif isinstance(value, dict):
        place = value.get("loc")
        path = [part for part in place if isinstance(part, str)] if isinstance(place, list) else []
        param, code = value.get("param"), value.get("code", value.get("status_code"))
        names = (*path[-1:], *([param] if isinstance(param, str) else []))
        status = code if isinstance(code, int) and 400 <= code < 600 else None
        said = next((value[key] for key in _SAID if isinstance(value.get(key), str)), "")
        inner = _parsed(said)
        if inner is not None:
            yield ("", names, status)
            yield from _found(inner, depth + 1)
        elif said or names or status:
            yield (f"{'.'.join(path)}: {said}" if path and said else said, names, status)
        for key in _NESTED:
            if value.get(key):
                yield from _found(value[key], depth + 1)
        if isinstance(value.get("message"), dict | list):
            yield from _found(value["message"], depth + 1)
        # A router hands on what the server behind it said.
        if isinstance(about := value.get("metadata"), dict) and about.get("raw"):
            yield from _found(about["raw"], depth + 1)


def _parsed(text: str) -> Any:
    """Return the object that a text holds, None if it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]
