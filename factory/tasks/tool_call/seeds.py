"""The row of a seed for tool calls, and the reference that it may hold. A field that is not in it is refused:
it is a typing error more often than a remark."""

import json
from collections.abc import Set
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict

from factory.seeds.format import LONGEST, Content, SeedFormat, from_text
from factory.system.digest import canonical_json
from factory.text.strict_json import strict_json

_EXPECTED = (
    'expected a list of steps, each a list of calls {"name": ..., "arguments": {...}} made in parallel'
)


def steps_text(value: Any) -> Any:
    """Return steps, a list or its JSON text, as canonical JSON text, and an expression as it is; raise
    ValueError for wrong steps."""
    value = from_text(value)
    if isinstance(value, str) and len(value) > LONGEST["expression"]:
        raise ValueError(f"{len(value):,} characters, more than {LONGEST['expression']:,}")
    if not isinstance(value, list):
        return value
    try:
        value = strict_json(json.dumps(value))  # what comes out of a columnar file was never JSON
    except TypeError:
        raise ValueError(_EXPECTED) from None
    for step in value:
        if not isinstance(step, list) or not step or not all(map(_is_call, step)):
            raise ValueError(_EXPECTED)
    return canonical_json(value)


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"name", "arguments"}
        and isinstance(value["name"], str)
        and bool(value["name"])
        and isinstance(value["arguments"], dict)
    )


class ToolCallFormat(SeedFormat):
    """`question`, and as `reference` an expression or steps; "" says that what is right is not known."""

    model_config = ConfigDict(extra="forbid")
    format_name = "tool_call"
    needs = frozenset({"question", "reference"})
    marks = frozenset({"reference"})

    question: str
    reference: Annotated[str, BeforeValidator(steps_text)]

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys and not keys & {"rationale", "expression"}

    def contents(self) -> list[Content]:
        return [Content(self.question, self.reference)]
