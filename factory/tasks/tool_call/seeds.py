"""The row of a seed for tool calls, and the reference that it may hold. A field that is not in it is refused:
it is a typing error more often than a remark."""

from collections.abc import Set
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from factory.seeds.calls import steps_text
from factory.seeds.format import Content, SeedFormat


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
