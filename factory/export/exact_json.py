"""JSON text that `datasets` reads as the value that was meant.

A `Json` column is parsed by a fast reader that rounds: it makes 1.9380000000000002 of 1.938, about once in
two thousand numbers, and a student would learn it. Promise: what `exact_json` returns is read back as the
same value, numbers to the last bit; it tries other spellings of the same decimal (19.38e-1) until one is.
What has no such spelling (integers beyond 64 bits, numbers near the ends of the range) is a ValueError.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

Reader = Callable[[str], Any]
_SHIFTS = sorted(range(-25, 26), key=abs)


def exact_json(value: Any, read: Reader) -> str:
    """Return JSON text of a value that `read` gives back unchanged; raise ValueError if there is none."""
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if _reads(plain, value, read):
        return plain
    text = _spelled(value, read)
    if not _reads(text, value, read):
        raise ValueError("there is no spelling that is read back as this value")
    return text


def _spelled(value: Any, read: Reader) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{json.dumps(key, ensure_ascii=False)}: {_spelled(item, read)}"
                for key, item in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_spelled(item, read) for item in value) + "]"
    if isinstance(value, float):
        return next((text for text in _spellings(value) if _reads(text, value, read)), repr(value))
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _spellings(number: float) -> Iterator[str]:
    yield repr(number)
    exact = Decimal(repr(number))
    for shift in _SHIFTS:
        yield f"{exact.scaleb(-shift):f}e{shift}"


def _reads(text: str, value: Any, read: Reader) -> bool:
    try:
        return bool(read(text) == value)
    except ValueError:
        return False
