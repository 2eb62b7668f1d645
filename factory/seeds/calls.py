"""Calls of tools as seeds write them: a list of steps, each a list of calls made in parallel, as canonical
JSON text."""

import json
from typing import Any

from factory.seeds.format import LONGEST, from_text, number_text
from factory.system.digest import canonical_json
from factory.text.strict_json import strict_json

_EXPECTED = (
    'expected a list of steps, each a list of calls {"name": ..., "arguments": {...}} made in parallel'
)


def steps_text(value: Any) -> Any:
    """Return steps, a list or its JSON text, as canonical JSON text, and an expression as it is; raise
    ValueError for wrong steps. A flat list of calls is one step."""
    value = from_text(number_text(value))
    if isinstance(value, str) and len(value) > LONGEST["expression"]:
        raise ValueError(f"{len(value):,} characters, more than {LONGEST['expression']:,}")
    if not isinstance(value, list):
        return value
    try:
        value = strict_json(json.dumps(value))  # what comes out of a columnar file was never JSON
    except TypeError:
        raise ValueError(_EXPECTED) from None
    if value and all(map(_is_call, value)):
        value = [value]
    for step in value:
        if not isinstance(step, list) or not step or not all(map(_is_call, step)):
            raise ValueError(_EXPECTED)
    return canonical_json(value)


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "arguments"}
        and isinstance(value["name"], str)
        and bool(value["name"])
        and isinstance(value["arguments"], dict)
    )
