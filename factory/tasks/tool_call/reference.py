"""References of tool-call seeds: steps of calls, each step made in parallel, later steps fed by earlier
results.

A reference is text: an expression for the first tool's only argument, or the JSON of a list of steps
(`[[call, call], [call]]`; `[]` where no tool is needed). Promise: `solve` carries it out; `mend` puts the
results of earlier steps back into later ones after numbers were replaced, where the reference that a person
wrote has them: as a whole argument, or as a number in one.
"""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from factory.system.digest import canonical_json
from factory.tools.errors import ToolError
from factory.tools.registry import RunTool
from factory.tools.spec import ToolSpec

Call = dict[str, Any]
Steps = list[list[Call]]
# A minus after a digit or a parenthesis is an operator.
_NUMBER = re.compile(r"((?:(?<![\d.)])(?<![\d.)] )-)?\d+(?:\.\d+)?)")
_QUANTITY = re.compile(r"(-?\d+(?:\.\d+)?) \D+")


def parse_steps(reference: str) -> Steps | None:
    """Return the steps that a reference writes out, or None if it is an expression."""
    return json.loads(reference) if reference.startswith("[") else None


def call_faults(steps: Steps, tools: list[ToolSpec]) -> list[str]:
    """Return what keeps a teacher from writing these calls: a tool that is not offered, arguments that its
    schema refuses."""
    by_name = {tool.name: tool for tool in tools}
    faults = []
    for call in itertools.chain.from_iterable(steps):
        if (tool := by_name.get(call["name"])) is None:
            faults.append(f"calls {call['name']}, and the tools are: {', '.join(by_name)}")
        else:
            faults += [
                f"calls {tool.name} with what it does not take: {fault}"
                for fault in tool.check_arguments(call["arguments"])
            ]
    return faults


def run_steps(steps: Steps, run: RunTool) -> list[list[str]] | None:
    """Return the result of every call, or None if one fails."""
    try:
        return [[run(call["name"], call["arguments"]) for call in step] for step in steps]
    except ToolError:
        return None


def outcome(results: list[list[str]]) -> str:
    """Return what two ways to an answer have to share: the results of the last step, in any order."""
    return canonical_json(sorted(results[-1])) if results else "[]"


def mend(reference: str, original: Steps, run: RunTool) -> str | None:
    """Return a reference whose later steps hold the results of its own earlier ones, in the places where
    `original` holds its own.

    None if that cannot be done: an earlier step fails, or has nothing in the place of a result that a later
    one was fed with.
    """
    steps = parse_steps(reference)
    before = run_steps(original, run)
    if not steps or before is None:
        return None
    for position in range(1, len(steps)):
        if (now := run_steps(steps[:position], run)) is None:
            return None
        fed = _changes(before[:position], now)
        try:
            steps[position] = [
                {"name": call["name"], "arguments": _fed(call["arguments"], model["arguments"], fed)}
                for call, model in zip(steps[position], original[position], strict=True)
            ]
        except _Gone:
            return None
    return canonical_json(steps)


class _Gone(Exception):
    """There is no result in the place of one that a later step was fed with."""


def _changes(before: list[list[str]], now: list[list[str]]) -> dict[str, Any]:
    """Return, for the text of each result, what stands in its place now; `_Gone` if nothing does."""
    new = dict(_scalars(now))
    changes: dict[str, Any] = {}
    for place, value in _scalars(before):
        # The first of several places counts, but for one that is gone.
        if changes.get(str(value), _Gone) is _Gone:
            changes[str(value)] = new.get(place, _Gone)
    return changes


def _fed(given: Any, model: Any, changes: dict[str, Any]) -> Any:
    if isinstance(given, dict) and isinstance(model, dict):
        return {name: _fed(part, model.get(name), changes) for name, part in given.items()}
    if isinstance(given, list) and isinstance(model, list):
        return [_fed(part, other, changes) for part, other in zip(given, model, strict=True)]
    if isinstance(model, bool) or not isinstance(model, str | int | float):
        return given
    if str(model) in changes:
        return (
            str(_now(changes, str(model)))
            if isinstance(model, str)
            else _number(str(_now(changes, str(model))))
        )
    if not isinstance(model, str):
        return given
    # An expression may hold a result among numbers of its own; a number that was replaced is the question's.
    expected_parts, written_parts = _NUMBER.split(given), _NUMBER.split(model)
    if len(expected_parts) != len(written_parts):
        return given
    return "".join(
        str(_now(changes, new)) if new == old and new in changes else new
        for new, old in zip(expected_parts, written_parts, strict=True)
    )


def _now(changes: dict[str, Any], text: str) -> Any:
    if changes[text] is _Gone:
        raise _Gone
    return changes[text]


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise _Gone
    return float(text) if "." in text else int(text)


def _scalars(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every scalar with its place; text that is JSON of an object or a list is looked into, and the
    number of `45 days` is one."""
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
        if isinstance(value, str) and (quantity := _QUANTITY.fullmatch(value)):
            yield (*place, "number"), quantity[1]
