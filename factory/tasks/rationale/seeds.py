"""The rows of seeds for rationales: the own form, and conversations, whose last turn holds the reasoning and
the final answer."""

from collections.abc import Set
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from factory.seeds.format import Content, SeedFormat, number_text
from factory.seeds.published_formats import MessagesFormat
from factory.tasks.rationale.marks import split_answer


class RationaleFormat(SeedFormat):
    """`question`, and of `rationale`, `reference` (the final answer) and `expression` what there is. A field
    that is not in it is refused: it is a typing error more often than a remark."""

    model_config = ConfigDict(extra="forbid")
    format_name = "rationale"
    needs = frozenset({"question"})
    marks = frozenset({"rationale", "reference", "expression"})

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys and "response" not in keys

    question: str
    rationale: str = ""
    reference: Annotated[str, Field(max_length=4000), BeforeValidator(number_text)] = ""
    expression: str = ""

    def contents(self) -> list[Content]:
        return [Content(self.question, self.reference, rationale=self.rationale, expression=self.expression)]


class SolvedMessagesFormat(MessagesFormat):
    """Chat messages whose answer has a mark of the final answer: what stands before it is the rationale. An
    answer without one is the reference as a whole."""

    def contents(self) -> list[Content]:
        (content,) = super().contents()
        parts = split_answer(content.reference)
        return [Content(content.question, parts[1], rationale=parts[0])] if parts else [content]
