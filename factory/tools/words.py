"""Schemas in other dialects: Python's, Java's and JavaScript's words for types, the habits of OpenAPI and
xLAM.

Promise: `to_json_schema` changes only what JSON Schema does not know, so a valid schema comes back as it was;
a word that nobody here knows stays, and whoever checks the schema names it.
"""

import re
from typing import Any

from factory.tools.schema import change_parts

_TYPES = {
    word: meant
    for meant, words in {
        "string": "str text char character varchar date datetime time uuid",
        "integer": "int long short byte bigint int32 int64",
        "number": "float double decimal real numeric float32 float64",
        "boolean": "bool",
        "array": "list tuple set arraylist sequence iterable",
        "object": "dict dictionary map hashmap mapping json record",
        "null": "none nil",
    }.items()
    for word in [meant, *words.split()]
}
_KNOWN = frozenset(_TYPES.values())
_ANYTHING = frozenset({"", "any", "mixed", "unknown"})
_OF = re.compile(r"(\w+)\[(.*)\]")
_OPTIONAL = re.compile(r"\s*,?\s*(?:\(optional\)|optional)$")


def to_json_schema(schema: Any) -> Any:
    """Return a schema in the words of JSON Schema, its parts as well."""
    if not isinstance(schema, dict):
        return schema
    new = dict(schema)
    if isinstance(new.get("type"), str):
        _read_type(new)
    elif isinstance(new.get("type"), list) and all(isinstance(word, str) for word in new["type"]):
        new["type"] = [_TYPES.get(word.lower(), word) for word in new["type"]]
    if new.get("type") == "object" and new.get("properties", {}) is None:
        del new["properties"]
    if isinstance(new.get("items"), list):
        # The list of earlier drafts.
        new["prefixItems"] = new.pop("items")
        if "additionalItems" in new:
            new["items"] = new.pop("additionalItems")
    if new.get("type") == "array" and not any(isinstance(value, list) for value in new.get("enum") or [[]]):
        # No list is one of these: its items are.
        items = new.get("items", {})
        new["items"] = (items if isinstance(items, dict) else {}) | {"enum": new.pop("enum")}
    _lift_required(new)
    return change_parts(new, lambda part, _: to_json_schema(part))


def properties_to_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of arguments that are given by their names alone, as xLAM does: needed is what is not
    called optional and has no default."""
    needed = [
        name
        for name, part in properties.items()
        if not _OPTIONAL.search(str(part["type"]).lower()) and "default" not in part
    ]
    return {"type": "object", "properties": properties, "required": needed}


def _read_type(schema: dict[str, Any]) -> None:
    word = schema["type"]
    if word in _KNOWN:
        return
    plain = _OPTIONAL.sub("", word.strip().lower())
    if plain in _ANYTHING:
        del schema["type"]
    elif plain in _TYPES:
        schema["type"] = _TYPES[plain]
    elif of := _OF.fullmatch(plain):
        _read_generic(schema, of[1], of[2])


def _read_generic(schema: dict[str, Any], outer: str, inner: str) -> None:
    if outer == "optional":
        part = to_json_schema({"type": inner})
        schema.pop("type")
        if isinstance(part.get("type"), str):
            schema |= part | {"type": [part["type"], "null"]}
        elif "type" in part:
            schema |= part
    elif outer == "union":
        words = [_TYPES.get(word.strip(), word.strip()) for word in inner.split(",")]
        if all(word in _KNOWN for word in words):
            schema["type"] = list(dict.fromkeys(words))
    elif outer in _TYPES:
        schema["type"] = _TYPES[outer]
        if schema["type"] == "array" and "," not in inner and "items" not in schema:
            schema["items"] = to_json_schema({"type": inner})


def _lift_required(schema: dict[str, Any]) -> None:
    """Move `"required": true` of a property to the list of the object that has it."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not isinstance(schema.get("required", []), list):
        return
    flagged = {
        name: part["required"]
        for name, part in properties.items()
        if isinstance(part, dict) and isinstance(part.get("required"), bool)
    }
    if flagged:
        schema["properties"] = {
            name: {key: value for key, value in part.items() if key != "required"}
            if name in flagged
            else part
            for name, part in properties.items()
        }
        needed = [*schema.get("required", []), *(name for name, needed in flagged.items() if needed)]
        schema["required"] = list(dict.fromkeys(needed))
