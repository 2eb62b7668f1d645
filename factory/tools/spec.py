"""What a tool promises: its name, a sentence, and the JSON Schema of its arguments, in the form that OpenAI's
API made common.

Promise: a `ToolSpec` that exists is usable: its schema is valid JSON Schema (draft 2020-12), describes an
object, and refers only to itself, so that no check ever reaches for the network or the disk. `model_dump()`
gives back the form that chat templates and vLLM expect. Carrying a call out is the work of `registry`.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from keyword import iskeyword
from typing import Any, Literal

from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, ConfigDict, Field, field_validator
from referencing import Registry

from factory.tools.schema import REFERENCES, find_target


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
            _check_text(json.dumps(schema))
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

    @property
    def python_name(self) -> str:
        """The name of the function that carries the tool out, where it is a person's own."""
        name = self.name.replace("-", "_")
        return f"{name}_" if iskeyword(name) else name

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


@lru_cache(maxsize=8192)
def _check_text(schema: str) -> None:
    # Rows that bring their tools bring the same ones again and again, and a check takes milliseconds.
    _check_schema(json.loads(schema))


def _check_schema(schema: dict[str, Any]) -> None:
    _check_form(schema)
    if schema.get("type") != "object":
        raise ValueError('the schema must have "type": "object"')
    # A part with an $id of its own would change what the references below it mean.
    if any(isinstance(part.get("$id"), str) for part in _objects(schema) if part is not schema):
        raise ValueError("$id is allowed at the top of the schema only")
    for part in _objects(schema):
        for reference in (part[key] for key in REFERENCES if isinstance(part.get(key), str)):
            _check_form(find_target(schema, reference))


def _check_form(schema: Any) -> None:
    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        raise ValueError(f"not a valid JSON Schema at {error.json_path}: {error.message}") from None


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    # Everything, examples as well: what looks like a reference anywhere must not lead outside.
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _objects(part)
