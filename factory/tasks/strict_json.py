"""JSON that a stranger or a model wrote, read more strictly than `json.loads` does.

Promise: what comes back can be written as canonical JSON and as UTF-8; anything else is a ValueError that says why, the same one however
deep the caller's stack is. Refused: duplicate keys, NaN and infinities (1e999 among them), lone surrogates, and more than `MAX_DEPTH`
levels of nesting. Not promised: a limit on size.
"""

import json
from typing import Any

from factory.digest import canonical_json

MAX_DEPTH = 64


def strict_json(text: str | bytes) -> Any:
    """Return the one JSON value that `text` holds; raise ValueError."""
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _require_shallow(value)
    canonical_json(value).encode("utf-8")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for part in level if isinstance(part, dict | list) for item in (part.values() if isinstance(part, dict) else part)]
    if level:
        raise ValueError("nested too deeply")
