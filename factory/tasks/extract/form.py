"""The form of a text's fields: a JSON Schema, how an object of it is written, when two say the same.

Promise: `written` is one line in the schema's order, in the separators that a grammar gives a teacher, so
that what a teacher wrote in that order is token by token what a student learns. `compared` is equal for
two objects if all their fields are: numbers as numbers (5 and 5.0), texts in NFC without spaces around
them, lists in order but where the schema says `uniqueItems`. Not promised: that a field that is left out
is one that is null, or `uniqueItems` within `anyOf` and its like.
"""

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from factory.chat_formats.unreadable import harmful, unreadable
from factory.errors import InputError
from factory.system.digest import canonical_json
from factory.text.decode import decode
from factory.text.json_texts import json_texts
from factory.text.reasons import Reason
from factory.text.strict_json import JsonFault, strict_json
from factory.text.thinking import without_thinking
from factory.tools.schema import write_out
from factory.tools.spec import ToolSpec

_EXACT = 2**53  # above it a float need not be the integer that was meant
_UNSAID = ("$schema", "$id", "$comment")
_SAMPLE = 'Such as {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}.'


@dataclass(frozen=True)
class Form:
    """The fields that an answer has: `schema` is an object's, closed, without references."""

    schema: dict[str, Any]

    @property
    def text(self) -> str:
        """The schema as a teacher reads it."""
        shown = {key: value for key, value in self.schema.items() if key not in _UNSAID}
        return json.dumps(shown, ensure_ascii=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields in their order."""
        return tuple(self.schema["properties"])

    def faults(self, value: Any) -> list[str]:
        """Return what is wrong with an object by the schema, one message a fault with its JSON path."""
        return _spec(self.schema).check_arguments(value)

    def read(self, text: str) -> tuple[dict[str, Any] | None, Reason | None, str]:
        """Return (object, None, ""), or (None, reason, detail): a reason of `unreadable` or of
        `JsonFault`, or wrong_shape for what the schema refuses."""
        said = without_thinking(text)
        if found := unreadable(said):
            return None, *found
        try:
            value = strict_json(said)
        except JsonFault as error:
            return None, error.reason, str(error)[:200]
        # Once more: what was written in escapes shows only now.
        if found := harmful("\n".join(json_texts(value))):
            return None, *found
        if not isinstance(value, dict):
            return None, "wrong_shape", "expected an object"
        if faults := self.faults(value):
            return None, "wrong_shape", "; ".join(faults)[:500]
        return value, None, ""

    def written(self, value: dict[str, Any]) -> str:
        """Return an object as the student writes it."""
        return json.dumps(_normal(value, self.schema, sort=False), ensure_ascii=False)

    def compared(self, value: dict[str, Any]) -> str:
        """Return what is equal for objects that say the same."""
        return canonical_json(_normal(value, self.schema, sort=True))

    def same_fields(self, one: dict[str, Any], other: dict[str, Any]) -> dict[str, bool]:
        """Return of each field whether both objects have it alike, or both lack it."""
        mine, yours = (json.loads(self.compared(value)) for value in (one, other))
        return {
            name: (name in mine) == (name in yours)
            and canonical_json(mine.get(name)) == canonical_json(yours.get(name))
            for name in self.names
        }


def read_form(path: Path) -> Form:
    """Return the form of a schema's file; InputError says what is wrong with it."""
    try:
        schema = strict_json(decode(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", _SAMPLE) from None
    except ValueError as error:
        raise InputError(f"{path}: no JSON Schema: {error}", _SAMPLE) from None
    try:
        return form_of(schema)
    except ValidationError as error:
        raise InputError(
            f"{path}: {error.errors()[0]['msg'].removeprefix('Value error, ')}", _SAMPLE
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: {error}", _SAMPLE) from None


def form_of(schema: Any) -> Form:
    """Return the form of a schema; raise ValueError for one that describes no object with fields."""
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise ValueError("must be an object with the properties that a text is read for")
    _spec(schema)
    schema = write_out(schema)
    if not schema.get("properties"):
        raise ValueError("names no properties, so there is nothing to be found")
    return Form(schema if "additionalProperties" in schema else schema | {"additionalProperties": False})


def _spec(schema: dict[str, Any]) -> ToolSpec:
    # What holds of a tool's arguments holds of fields: an object, closed in itself, judged without a network.
    function = {"name": "fields", "description": "fields", "parameters": schema}
    return ToolSpec.model_validate({"type": "function", "function": function})


def _normal(value: Any, schema: Any, *, sort: bool) -> Any:
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        items = [
            _normal(one, first[place] if place < len(first) else schema.get("items"), sort=sort)
            for place, one in enumerate(value)
        ]
        return sorted(items, key=canonical_json) if sort and schema.get("uniqueItems") is True else items
    if isinstance(value, dict):
        known = schema.get("properties", {})
        order = [*(name for name in known if name in value), *(name for name in value if name not in known)]
        rest = schema.get("additionalProperties")
        return {name: _normal(value[name], known.get(name, rest), sort=sort) for name in order}
    return value
