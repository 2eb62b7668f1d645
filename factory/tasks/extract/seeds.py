"""The row of a seed for fields. A key that is not in it is refused: it is a typing error more often than a
remark."""

import json
from collections.abc import Set
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field

from factory.seeds.format import Content, SeedFormat
from factory.system.digest import canonical_json
from factory.text.strict_json import strict_json


def fields_text(value: Any) -> Any:
    """Return fields, an object or its JSON text, as canonical JSON text, and "" as it is; raise ValueError
    for what is no object."""
    if value == "":
        return value
    try:
        # What comes out of a columnar file was never JSON.
        value = strict_json(value if isinstance(value, str) else json.dumps(value))
    except TypeError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("expected an object of fields")
    return canonical_json(value)


class ExtractFormat(SeedFormat):
    """`text`, and its `fields` if they are known."""

    model_config = ConfigDict(extra="forbid")
    format_name = "extract"
    needs = frozenset({"text"})
    marks = frozenset({"text", "fields"})
    names: ClassVar[dict[str, str]] = {"question": "text", "reference": "fields"}

    text: str
    # `fields` is a method.
    found: Annotated[str, BeforeValidator(fields_text), Field(alias="fields")] = ""

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys <= cls.fields()

    def contents(self) -> list[Content]:
        return [Content(self.text, self.found)]
