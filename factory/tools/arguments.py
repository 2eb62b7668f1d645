"""The arguments of a call, read from what a model wrote.

Promise: `read` gives an instance of a tool's argument model or raises `ToolError("bad_arguments")` that names
each fault with its place; `plain_numbers` writes a whole number as an integer wherever it stands, since JSON
Schema holds 5.0 for an integer too, and `fit_numbers` where a schema asks for an integer. What a value means
(whether a date exists, whether two units fit) is the tool's own to judge.
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from factory.text.visible import escape_hidden, truncate
from factory.tools.errors import ToolError

MAX_MESSAGE = 400


class Arguments(BaseModel):
    """The base of every tool's argument model: nothing unknown, nothing converted, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Arguments)


def read(model: type[Model], arguments: dict[str, Any]) -> Model:
    """Return the arguments as `model`; raise ToolError with every fault."""
    try:
        return model.model_validate(plain_numbers(arguments))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
    except RecursionError:
        faults = "the arguments are nested too deeply"
    raise ToolError("bad_arguments", escape_hidden(truncate(faults, MAX_MESSAGE)))


def plain_numbers(value: Any) -> Any:
    """Return a JSON value with its whole floats as integers; raise RecursionError if it is nested too
    deeply."""
    if isinstance(value, dict):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fit_numbers(value: Any, schema: Any) -> Any:
    """Return arguments that fit a schema, with 5.0 as 5 where it wants an integer or has 5 in its list."""
    if not isinstance(schema, dict):
        return value
    for key in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(key, [])
        if isinstance(value, float) and key != "allOf" and any(_takes_floats(branch) for branch in branches):
            continue
        for branch in branches:
            value = fit_numbers(value, branch)
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        return {name: fit_numbers(part, known.get(name, rest)) for name, part in value.items()}
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        return [
            fit_numbers(part, first[place] if place < len(first) else schema.get("items"))
            for place, part in enumerate(value)
        ]
    if not isinstance(value, float) or not value.is_integer():
        return value
    listed = [*schema.get("enum", []), *([schema["const"]] if "const" in schema else [])]
    if any(type(item) is int and item == value for item in listed):
        return int(value)
    return int(value) if "integer" in _types(schema) and "number" not in _types(schema) else value


def _takes_floats(schema: Any) -> bool:
    return isinstance(schema, dict) and "number" in _types(schema)


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)
