"""What a tool promises: its name, a sentence, and the JSON Schema of its arguments, in the form that OpenAI's
API made common.

Promise: a `ToolSpec` that exists is usable: its schema is valid JSON Schema (draft 2020-12), describes an
object, and refers only to itself, so that no check ever reaches for the network or the disk. `model_dump()`
gives back the form that chat templates and vLLM expect. Carrying a call out is the work of `registry`.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NoReturn

from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from factory.errors import InputError

_REFERENCES = ("$ref", "$dynamicRef")
_FILE_FORM = (
    'a tools file is a JSON array of {"type": "function", "function": {"name", "description", "parameters"}}'
)


class ToolFunction(BaseModel):
    """The name, the description that a model reads, and the schema of the arguments object."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")
    description: str = Field(min_length=1)
    parameters: dict[str, Any]

    @field_validator("parameters")
    @classmethod
    def _closed_object_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            _check_schema(schema)
        except RecursionError:
            raise ValueError("the schema is nested too deeply") from None
        return schema


class ToolSpec(BaseModel):
    """One tool that a model may call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["function"]
    function: ToolFunction

    @property
    def name(self) -> str:
        return self.function.name

    def check_arguments(self, arguments: dict[str, Any]) -> list[str]:
        """Return what is wrong with the arguments of a call, one message a fault with its JSON path; empty if
        they fit."""
        return [message for message, _ in self.argument_faults(arguments)]

    def argument_faults(self, arguments: dict[str, Any]) -> list[tuple[str, str]]:
        """Return what `check_arguments` does, each with the keyword of JSON Schema that refuses it, such as
        `required`."""
        # An explicit registry, even an empty one, is what keeps jsonschema from fetching schemas over the
        # network.
        validator = Draft202012Validator(self.function.parameters, registry=Registry())
        try:
            faults = list(validator.iter_errors(arguments))
        except RecursionError:
            return [("$: the arguments, or the schema, are nested too deeply", "")]
        return sorted((f"{fault.json_path}: {fault.message}", str(fault.validator)) for fault in faults)


def load_tools(path: Path) -> list[ToolSpec]:
    """Read a tools file; raise InputError with the path and every fault found in it."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", _FILE_FORM) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {error}", _FILE_FORM) from None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: a list of at least one tool is required", _FILE_FORM)
    tools: list[ToolSpec] = []
    faults: list[str] = []
    for number, entry in enumerate(entries, start=1):
        try:
            tools.append(ToolSpec.model_validate(entry))
        except ValidationError as error:
            faults += [
                f"tool {number}, {_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors()
            ]
    faults += [
        f"the name {name!r} is given to {count} tools"
        for name, count in Counter(tool.name for tool in tools).items()
        if count > 1
    ]
    if faults:
        raise InputError("\n".join(f"{path}: {fault}" for fault in faults), _FILE_FORM)
    return tools


def _check_schema(schema: dict[str, Any]) -> None:
    _check_form(schema)
    if schema.get("type") != "object":
        raise ValueError('the schema must have "type": "object"')
    # A part with an $id of its own would change what the references below it mean.
    if any(isinstance(part.get("$id"), str) for part in _parts(schema) if part is not schema):
        raise ValueError("$id is allowed at the top of the schema only")
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in (
        part[key] for part in _parts(schema) for key in _REFERENCES if isinstance(part.get(key), str)
    ):
        if not reference.startswith("#"):
            raise ValueError(
                f"the reference {reference!r} leaves the schema: "
                "only references that begin with # are followed"
            )
        try:
            target = resolver.lookup(reference).contents
        except (Unresolvable, ValueError):
            raise ValueError(f"the reference {reference!r} has no target") from None
        _check_form(target)


def _check_form(schema: Any) -> None:
    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        raise ValueError(f"not a valid JSON Schema at {error.json_path}: {error.message}") from None


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    if isinstance(schema, dict | list):
        for part in schema.values() if isinstance(schema, dict) else schema:
            yield from _parts(part)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "as a whole"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
