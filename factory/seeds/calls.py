"""Calls of tools as seeds write them: a list of steps, each a list of calls made in parallel, as canonical
JSON text.

A flat list is one step, and a single call a step of one. Calls are read as OpenAI and Llama write them, too:
inside of `function`, with `parameters`, with the arguments as JSON text, or as JSON text themselves.
"""

import json
from typing import Any

from factory.seeds.format import LONGEST, from_text, number_text
from factory.seeds.python_text import json_or_python
from factory.system.digest import canonical_json
from factory.text.strict_json import strict_json

_EXPECTED = (
    'expected a list of steps, each a list of calls {"name": ..., "arguments": {...}} made in parallel'
)


def steps_text(value: Any) -> Any:
    """Return steps, a list or its JSON text, as canonical JSON text, and an expression as it is; raise
    ValueError for wrong steps."""
    value = from_text(number_text(value))
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = json_or_python(value)
    if isinstance(value, str) and len(value) > LONGEST["expression"]:
        raise ValueError(f"{len(value):,} characters, more than {LONGEST['expression']:,}")
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return value
    try:
        value = strict_json(json.dumps(value))  # what comes out of a columnar file was never JSON
    except TypeError:
        raise ValueError(_EXPECTED) from None
    value = [list(map(_plain, step)) if isinstance(step, list) else _plain(step) for step in value]
    if value and all(map(_is_call, value)):
        value = [value]
    for step in value:
        if not isinstance(step, list) or not step or not all(map(_is_call, step)):
            raise ValueError(_EXPECTED)
    return canonical_json(value)


def _plain(call: Any) -> Any:
    """Return a call as `{"name", "arguments"}`; what is none comes back as it is."""
    if isinstance(call, str) and call.lstrip().startswith("{"):
        call = json_or_python(call)
    if not isinstance(call, dict):
        return call
    inner = call.get("function")
    new = dict(inner if isinstance(inner, dict) and "name" not in call else call)
    if set(new) == {"name", "parameters"}:
        new["arguments"] = new.pop("parameters")
    arguments = new.get("arguments")
    if isinstance(arguments, str) and arguments.lstrip().startswith("{"):
        new["arguments"] = json_or_python(arguments)
    return new


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "arguments"}
        and isinstance(value["name"], str)
        and bool(value["name"])
        and isinstance(value["arguments"], dict)
    )
