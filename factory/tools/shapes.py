"""The shapes in which lists of tools lie on disks, one line each in `SHAPES`.

Promise: `unwrap` finds the descriptions of single tools in what a file holds, and `read` brings one of them
into OpenAI's form, its fields that no call needs named; what is wrong inside of it is left for `ToolSpec` to
say. A new shape is a line; one whose tools lie in a list under another key is a word in `_LISTS`.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.tools.words import properties_to_schema, to_json_schema


class Shape(NamedTuple):
    """One form of a tool's description. `marks`: the fields that tell it from the others; `schema`: the field
    that holds the arguments' schema."""

    name: str
    marks: frozenset[str]
    schema: str


SHAPES = (
    Shape("OpenAI Chat Completions", frozenset({"function"}), "parameters"),
    Shape("MCP", frozenset({"name", "inputSchema"}), "inputSchema"),
    Shape("Anthropic", frozenset({"name", "input_schema"}), "input_schema"),
    Shape("OpenAI Responses", frozenset({"name", "type"}), "parameters"),
    Shape("BFCL, or a bare function", frozenset({"name"}), "parameters"),
)
KNOWN = "known are " + "; ".join(shape.name for shape in SHAPES)
# Of a result, a request or a row: the field that holds the tools.
_LISTS = ("result", "tools", "functions", "function", "functionDeclarations", "function_declarations")


class Described(NamedTuple):
    """A tool in OpenAI's form, and the fields that were not needed for it."""

    entry: Any
    unused: tuple[str, ...]


def unwrap(value: Any) -> Iterator[Any]:
    """Yield the descriptions of single tools: of a list, a result of MCP, a request of OpenAI, rows of
    BFCL."""
    if isinstance(value, list):
        for part in value:
            yield from unwrap(part) if _holds_tools(part) else (part,)
    elif _holds_tools(value):
        inner = value[_list_key(value)]
        yield from unwrap(json.loads(inner) if isinstance(inner, str) else inner)
    elif isinstance(value, dict) and _shape(value):
        yield value


def read(entry: Any) -> Described:
    """Return one tool in OpenAI's form; what has no known shape comes back as it is."""
    shape = _shape(entry) if isinstance(entry, dict) else None
    if shape is None:
        return Described(entry, ())
    if "function" in entry:
        function = entry["function"]
        if not isinstance(function, dict):
            return Described(entry, ())
        unused = tuple(key for key in ("strict", "response") if key in function)
        inner = {key: value for key, value in function.items() if key not in unused}
        return Described({**entry, "function": _completed(inner)}, unused)
    function = {"name": entry["name"], "parameters": entry.get(shape.schema)}
    said = next((key for key in ("description", "title") if entry.get(key)), "description")
    function["description"] = entry.get(said)
    used = {"name", "description", said, shape.schema}
    unused = tuple(key for key in entry if key not in used and entry[key] not in ("function", None))
    return Described({"type": "function", "function": _completed(function)}, unused)


def _completed(function: dict[str, Any]) -> dict[str, Any]:
    """Return a function with a description and a schema of its arguments, where it has none."""
    new = {key: value for key, value in function.items() if value is not None}
    if isinstance(new.get("name"), str) and not new.get("description"):
        new["description"] = new["name"]
    parameters = new.setdefault("parameters", {"type": "object"})
    if not isinstance(parameters, dict):
        return new
    if _are_properties(parameters):
        parameters = properties_to_schema(parameters)
    parameters = to_json_schema(parameters)
    if isinstance(parameters.get("properties"), dict):
        parameters = {"type": "object"} | parameters if "type" not in parameters else parameters
    elif parameters.get("type") == "object" and "$ref" not in parameters:
        parameters = parameters | {"properties": {}}
    return new | {"parameters": parameters}


def _are_properties(parameters: dict[str, Any]) -> bool:
    return bool(parameters) and all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in parameters.values()
    )


def _holds_tools(value: Any) -> bool:
    return isinstance(value, dict) and "name" not in value and _list_key(value) is not None


def _list_key(value: dict[str, Any]) -> str | None:
    for key in _LISTS:
        inner = value.get(key)
        if isinstance(inner, list) or (key == "result" and isinstance(inner, dict)):
            return key
        if key == "tools" and isinstance(inner, str) and inner.lstrip().startswith("["):
            return key
    return None


def _shape(entry: dict[str, Any]) -> Shape | None:
    return next((shape for shape in SHAPES if shape.marks <= set(entry)), None)
