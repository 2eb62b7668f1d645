"""JSON Schemas of a tool's arguments as trees: walked by keyword, joined, their references written out.

Promise: `change_parts` rebuilds a schema and touches keywords alone, never a property that is called `type`
or an example that looks like a schema; `write_out` gives a schema without references that accepts exactly
what the first did, or raises ValueError that says which reference cannot be written out and why; `join` gives
a schema for what two schemas both accept, or None where it would have to be guessed.
"""

from collections.abc import Callable, Iterator
from typing import Any

from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from factory.system.digest import canonical_json

Schema = dict[str, Any] | bool

REFERENCES = ("$ref", "$dynamicRef")
DEFINITIONS = ("$defs", "definitions")
ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"}
)
MAX_PARTS = 5_000  # of a schema whose references are written out

_ONE = (
    "items",
    "additionalItems",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
)
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas", *DEFINITIONS)
# Keywords that mean another thing beside another one.
_TOGETHER = (
    {"properties", "patternProperties", "additionalProperties", "unevaluatedProperties"},
    {
        "items",
        "prefixItems",
        "additionalItems",
        "unevaluatedItems",
        "contains",
        "minContains",
        "maxContains",
    },
    {"if", "then", "else"},
)
_LOWER = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
)  # the larger decides
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


def change_parts(schema: Any, change: Callable[[Any, str], Any]) -> Any:
    """Return a schema whose direct parts are changed; `change` gets each with its place, such as
    `.properties.day`."""
    if not isinstance(schema, dict):
        return schema
    new = dict(schema)
    for key, value in schema.items():
        if key in _ONE and isinstance(value, dict | bool):
            new[key] = change(value, f".{key}")
        elif (key in _MANY or key == "items") and isinstance(value, list):
            new[key] = [change(part, f".{key}[{place}]") for place, part in enumerate(value)]
        elif key in _NAMED and isinstance(value, dict):
            new[key] = {name: change(part, f".{key}.{name}") for name, part in value.items()}
    return new


def parts(schema: Any, place: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a schema and every schema in it, each with its JSON path."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    below: list[tuple[str, Any]] = []
    change_parts(schema, lambda part, step: below.append((place + step, part)))
    for where, part in below:
        yield from parts(part, where)


def reference_of(schema: dict[str, Any]) -> str | None:
    """Return the reference that a schema holds at its top."""
    return next((schema[key] for key in REFERENCES if isinstance(schema.get(key), str)), None)


def find_target(schema: dict[str, Any], reference: str) -> Any:
    """Return what a reference of a schema means; ValueError if it leaves the schema or means nothing."""
    if not reference.startswith("#"):
        raise ValueError(
            f"the reference {reference!r} leaves the schema: only references that begin with # are followed"
        )
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    try:
        return resolver.lookup(reference).contents
    except (Unresolvable, ValueError):
        raise ValueError(f"the reference {reference!r} has no target") from None


def write_out(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with each reference replaced by what it means, and without definitions; one without
    references comes back as it is."""
    if all(reference_of(part) is None for _, part in parts(schema)):
        return schema
    written = _Writer(schema).write(schema, ())
    return {key: value for key, value in written.items() if key not in DEFINITIONS}


class _Writer:
    def __init__(self, root: dict[str, Any]):
        self._root = root
        self._count = 0

    def write(self, part: Any, open_: tuple[str, ...]) -> Any:
        if not isinstance(part, dict):
            return part
        self._count += 1
        if self._count > MAX_PARTS:
            raise ValueError(f"with its references written out the schema has more than {MAX_PARTS:,} parts")
        reference = reference_of(part)
        kept = {
            key: value
            for key, value in part.items()
            if not (reference and key in REFERENCES) and key not in DEFINITIONS
        }
        rest = change_parts(kept, lambda one, _: self.write(one, open_))
        if reference is None:
            return rest
        if reference in open_:
            raise ValueError(
                f"the reference {reference!r} leads back to itself, and arguments without a last level "
                "cannot be asked for: write out as many levels as are needed"
            )
        target = self.write(find_target(self._root, reference), (*open_, reference))
        return _beside(target, rest)


def _beside(target: Schema, rest: dict[str, Any]) -> Schema:
    """Return what a reference to `target` means beside other keywords."""
    if not rest:
        return target
    joined = join(target, rest)
    if joined is not None:
        return joined
    return {**rest, "allOf": [target, *rest.get("allOf", [])]}


def join(one: Any, other: Any) -> Any:
    """Return a schema for what both accept, annotations of `other` first; None where there is no plain
    one."""
    if one is True or other is False:
        return other
    if other is True or one is False:
        return one
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None
    mine, yours = set(one) - ANNOTATIONS, set(other) - ANNOTATIONS
    if any(("unevaluated" in key) and mine and yours for key in mine | yours):
        return None
    for group in _TOGETHER:
        plain = group == _TOGETHER[0] and (mine | yours) & group <= {"properties"}
        if not plain and mine & group and yours & group:
            return None
    new = one | other
    for key in mine & yours:
        value = _joined_keyword(key, one[key], other[key])
        if value is None:
            return None
        new[key] = value
    return new


def _joined_keyword(key: str, one: Any, other: Any) -> Any:
    if key == "type":
        return _joined_types(one, other)
    if key == "required":
        return list(dict.fromkeys([*one, *other]))
    if key == "properties":
        joined = dict(one)
        for name, schema in other.items():
            joined[name] = join(one[name], schema) if name in one else schema
        return None if None in joined.values() else joined
    if key in _LOWER | _UPPER:
        return max(one, other) if key in _LOWER else min(one, other)
    return one if canonical_json(one) == canonical_json(other) else None


def _joined_types(one: str | list[str], other: str | list[str]) -> Any:
    mine, yours = ([types] if isinstance(types, str) else types for types in (one, other))
    both = [word for word in mine if word in yours or (word == "integer" and "number" in yours)]
    both += [word for word in yours if word == "integer" and "number" in mine and word not in both]
    return both[0] if len(both) == 1 else both or None
