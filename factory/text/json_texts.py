"""Every text in a JSON value."""

from collections.abc import Iterator
from typing import Any


def json_texts(value: Any) -> Iterator[str]:
    """Yield the texts of a JSON value, those that name the parts of its objects too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value:
            yield from json_texts(part)
        for part in value.values() if isinstance(value, dict) else ():
            yield from json_texts(part)
