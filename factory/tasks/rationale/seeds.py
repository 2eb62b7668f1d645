"""The row of a seed for rationales. A field that is not in it is refused: it is a typing error more often
than a remark."""

from collections.abc import Set
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from factory.seeds.format import Content, SeedFormat, number_text


class RationaleFormat(SeedFormat):
    """`question`, and of `rationale`, `reference` (the final answer) and `expression` what there is."""

    model_config = ConfigDict(extra="forbid")
    format_name = "rationale"
    needs = frozenset({"question"})
    marks = frozenset({"rationale", "reference", "expression"})

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys and not keys & {"response", "function"}

    question: str
    rationale: str = ""
    reference: Annotated[str, Field(max_length=4000), BeforeValidator(number_text)] = ""
    expression: str = ""

    def contents(self) -> list[Content]:
        return [Content(self.question, self.reference, rationale=self.rationale, expression=self.expression)]
