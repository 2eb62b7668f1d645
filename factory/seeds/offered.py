"""The tools that a row brings with it: read in any known shape, and the calls of its reference held to them.

Promise: `offered_tools` gives at least one usable spec or raises a ValueError that says what is wrong;
`tools_text` and `read_tools_text` are each other's inverse, and keep the order of arguments, which is that in
which a teacher writes them. Names that no server takes are changed, in tools and calls alike.
"""

import json
from functools import lru_cache
from typing import Any

from factory.system.digest import canonical_json
from factory.text.strict_json import strict_json
from factory.tools.load import allowed_name, read_tools
from factory.tools.shapes import unwrap
from factory.tools.spec import ToolSpec

MAX_CALLS = 8  # of one turn: the most that a task of BFCL has


def offered_tools(value: Any) -> list[ToolSpec]:
    """Return the specs of a row's tools, which may be JSON text."""
    if isinstance(value, str):
        value = strict_json(value) if value.strip() else []
    try:
        entries = list(unwrap(value))
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not entries:
        raise ValueError("there are none, and a task of this kind brings its own")
    specs, faults, _ = read_tools(entries)
    if faults:
        raise ValueError("; ".join(faults))
    return specs


def tools_text(specs: list[ToolSpec]) -> str:
    """Return specs as JSON text."""
    return json.dumps([spec.model_dump() for spec in specs], ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=4096)
def read_tools_text(text: str) -> tuple[ToolSpec, ...]:
    """Return the specs of a seed's or a task's tools."""
    return tuple(ToolSpec.model_validate(spec) for spec in json.loads(text))


def fitting_calls(steps: list[list[dict[str, Any]]], specs: list[ToolSpec]) -> str:
    """Return the reference of one step of calls; ValueError for calls that the tools do not take, and for
    several steps: nobody carries these tools out, so what a second one would be fed with is not known."""
    if len(steps) > 1:
        raise ValueError(f"{len(steps)} steps of calls, and these tools are not carried out: one is possible")
    calls = [call | {"name": allowed_name(call["name"])} for step in steps for call in step]
    if len(calls) > MAX_CALLS:
        raise ValueError(f"{len(calls)} calls, at most {MAX_CALLS} are asked for")
    if any(call in calls[:place] for place, call in enumerate(calls)):
        raise ValueError("a call is repeated")
    by_name = {spec.name: spec for spec in specs}
    for call in calls:
        if (spec := by_name.get(call["name"])) is None:
            raise ValueError(f"calls {call['name']}, and the tools are: {', '.join(by_name)}")
        if faults := spec.check_arguments(call["arguments"]):
            raise ValueError(f"calls {spec.name} with what it does not take: {faults[0]}")
    return canonical_json([calls] if calls else [])


def allowed_calls(answers: list[dict[str, Any]], specs: list[ToolSpec]) -> str:
    """Return the reference of BFCL's possible answers; ValueError for those of no tool that is offered."""
    known = {spec.name for spec in specs}
    calls = []
    for answer in answers:
        if len(answer) != 1:
            raise ValueError("a possible answer is one function with its arguments")
        ((name, allowed),) = answer.items()
        if (name := allowed_name(name)) not in known:
            raise ValueError(f"calls {name}, and the tools are: {', '.join(sorted(known))}")
        if not isinstance(allowed, dict) or not all(isinstance(values, list) for values in allowed.values()):
            raise ValueError(f"the arguments of {name} are no lists of allowed values")
        calls.append({"name": name, "allowed": allowed})
    return canonical_json(calls)
