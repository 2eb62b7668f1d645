"""What a tool-call seed says is right: steps of calls, each step made in parallel, later steps fed by earlier results.

A reference is text: an expression for the first tool's only argument, or the JSON of a list of steps (`[[call, call], [call]]`; `[]` where
no tool is needed). Promise: `solve` carries it out; `mend` puts the results of earlier steps back into later ones after numbers were
replaced, where the reference that a person wrote has them.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from factory.digest import canonical_json
from factory.tools.errors import ToolError

Call = dict[str, Any]
Steps = list[list[Call]]
Run = Callable[[str, dict[str, Any]], str]


def parse_steps(reference: str) -> Steps | None:
    """Return the steps that a reference writes out, or None if it is an expression."""
    return json.loads(reference) if reference.startswith("[") else None


def run_steps(steps: Steps, run: Run) -> list[list[str]] | None:
    """Return the result of every call, or None if one fails."""
    try:
        return [[run(call["name"], call["arguments"]) for call in step] for step in steps]
    except ToolError:
        return None


def outcome(results: list[list[str]]) -> str:
    """Return what two ways to an answer have to share: the results of the last step, in any order."""
    return canonical_json(sorted(results[-1])) if results else "[]"


def mend(reference: str, original: Steps, run: Run) -> str:
    """Return a reference whose later steps hold the results of its own earlier ones, in the places where `original` holds its own."""
    steps = parse_steps(reference)
    before, now = run_steps(original, run), None
    if not steps or before is None:
        return reference
    for position in range(1, len(steps)):
        if (now := run_steps(steps[:position], run)) is None:
            return reference
        old, new = dict(_scalars(before[:position])), dict(_scalars(now))
        places = {str(value): place for place, value in reversed(list(old.items())) if place in new}
        steps[position] = [_fed(call, model, places, new) for call, model in zip(steps[position], original[position], strict=True)]
    return canonical_json(steps)


def _fed(call: Call, model: Call, places: dict[str, tuple[Any, ...]], new: dict[tuple[Any, ...], Any]) -> Call:
    arguments = dict(call["arguments"])
    for name, value in model["arguments"].items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) in places:
            fed = new[places[str(value)]]
            arguments[name] = fed if isinstance(fed, type(value)) else _as(type(value), str(fed), arguments[name])
    return {"name": call["name"], "arguments": arguments}


def _as(kind: type, text: str, otherwise: Any) -> Any:
    try:
        number = float(text) if kind is float else kind(text)
    except ValueError:
        return otherwise
    return number


def _scalars(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every scalar with its place; text that is JSON of an object or a list is looked into."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            yield from _scalars(json.loads(value), place)
        except ValueError:
            yield place, value
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _scalars(part, (*place, key))
    else:
        yield place, value
