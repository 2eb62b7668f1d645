"""Tools files: from what lies on a disk to specs, in whatever known shape the tools are described.

Promise: `load_tools` returns at least one tool or raises one InputError with the path and every fault; what
was changed on the way (a name that no server takes, a field that no call needs) is in `notes`, once. A file
in OpenAI's form whose schemas are plain comes back as it is, so that the ids of what was made with it stay.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from pydantic import ValidationError

from factory.errors import InputError
from factory.system.digest import canonical_json
from factory.text.decode import decode
from factory.tools.schema import parts, reference_of, write_out
from factory.tools.shapes import KNOWN, read, unwrap
from factory.tools.spec import ToolSpec

LONGEST_NAME = 64
_FORM = (
    "A tools file is a JSON array of "
    '{"type": "function", "function": {"name", "description", "parameters"}}; '
    f"other shapes are read too: {KNOWN}."
)
_NO_NAME = re.compile(r"[./:]+")  # what MCP and BFCL have in names, and servers and chat formats refuse


class ToolFile(NamedTuple):
    """The tools of a file, and what a person should know about how they were read, one line each."""

    tools: list[ToolSpec]
    notes: list[str]


def load_tools(path: Path) -> list[ToolSpec]:
    """Read the tools of a file; raise InputError with the path and every fault found in it."""
    return read_tool_file(path).tools


def read_tool_file(path: Path) -> ToolFile:
    """Read a tools file with notes of what was changed; raise InputError with every fault."""
    value = _values(path)
    try:
        entries = list(unwrap(value))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: tools as text that is not JSON: {error}", _FORM) from None
    if isinstance(value, dict) and "result" not in value and (refusal := _inner(value, "error")):
        raise InputError(
            f"{path}: an error of the server in place of its tools: {str(refusal.get('message'))[:200]}",
            f"Ask the server for tools/list once more, and keep its result. {_FORM}",
        )
    if not entries:
        raise InputError(f"{path}: a list of at least one tool is required", _FORM)
    tools, faults, notes = read_tools(entries, rows=isinstance(value, list) and entries != value)
    more = isinstance(value, dict) and (value.get("nextCursor") or _inner(value, "result").get("nextCursor"))
    notes += ["it is one page of a longer list (nextCursor)"] if more else []
    if faults:
        raise InputError("\n".join(f"{path}: {fault}" for fault in faults), _FORM)
    return ToolFile(tools, [f"{path}: {note}" for note in notes])


def read_tools(entries: Iterable[Any], *, rows: bool = False) -> tuple[list[ToolSpec], list[str], list[str]]:
    """Return tools, faults and notes of descriptions in known shapes. `rows`: they come from the rows of a
    data set, where the same tool stands again and again."""
    tools: list[ToolSpec] = []
    faults: list[str] = []
    renamed: dict[str, str] = {}
    unused: Counter[str] = Counter()
    for number, entry in enumerate(entries, start=1):
        described = read(entry)
        unused.update(described.unused)
        try:
            tools.append(_spec(described.entry, renamed))
        except ValidationError as error:
            faults += [
                f"tool {number}, {_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors()
            ]
        except RecursionError:
            faults.append(f"tool {number}, function.parameters: the schema is nested too deeply")
        except ValueError as error:
            faults.append(f"tool {number}, function.parameters: {error}")
    notes: list[str] = []
    if rows:
        tools, notes = _distinct(tools)
    faults += [
        f"the name {name!r} is given to {count} tools"
        for name, count in Counter(tool.name for tool in tools).items()
        if count > 1
    ]
    if renamed:
        told = ", ".join(f"{name} is {new}" for name, new in renamed.items())
        notes.append(f"names that servers or chat formats refuse were changed: {told}")
    if unused:
        notes.append("not used, since no call needs it: " + ", ".join(unused))
    silent = [tool.name for tool in tools if tool.function.description == tool.name]
    if silent:
        notes.append(f"without a description, so that a model sees the name alone: {', '.join(silent)}")
    return tools, faults, notes


def _spec(entry: Any, renamed: dict[str, str]) -> ToolSpec:
    function = _inner(entry, "function") if isinstance(entry, dict) else {}
    name, parameters = function.get("name"), function.get("parameters")
    new = dict(function)
    if isinstance(name, str) and (allowed := allowed_name(name)) != name:
        renamed[name] = new["name"] = allowed
    if isinstance(parameters, dict) and any(reference_of(part) for _, part in parts(parameters)):
        ToolSpec.model_validate({**entry, "function": {**new, "parameters": {"type": "object"} | parameters}})
        new["parameters"] = {"type": "object", "properties": {}} | write_out(parameters)
    return ToolSpec.model_validate({**entry, "function": new} if new else entry)


def allowed_name(name: str) -> str:
    """Return a name that servers and chat formats take, in place of one with dots, slashes or colons in it,
    one that begins with a digit, or one that is too long."""
    new = _NO_NAME.sub("_", name)
    if new[:1].isdigit():
        new = f"_{new}"
    if len(new) > LONGEST_NAME:
        new = f"{new[: LONGEST_NAME - 9]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return new


def _distinct(tools: list[ToolSpec]) -> tuple[list[ToolSpec], list[str]]:
    first: dict[str, ToolSpec] = {}
    other: dict[str, None] = {}
    for tool in tools:
        known = first.setdefault(tool.name, tool)
        if canonical_json(known.model_dump()) != canonical_json(tool.model_dump()):
            other[tool.name] = None
    notes = [f"described in several ways, of which the first is used: {', '.join(other)}"] if other else []
    return list(first.values()), notes


def _values(path: Path) -> Any:
    """Return the JSON value of a file, or the list of its lines' values."""
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", _FORM) from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON: {error}", _FORM) from None
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        whole = error
    values = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            values.append(json.loads(line, parse_constant=_refuse_constant))
        except (ValueError, RecursionError) as error:
            if not values:
                break
            raise InputError(f"{path}:{number}: not valid JSON: {error}", _FORM) from None
    if len(values) < 2:
        raise InputError(f"{path}: not valid JSON: {whole}", _FORM)
    return values


def _inner(value: dict[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "as a whole"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
