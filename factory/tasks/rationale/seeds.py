"""The rows of seeds for rationales: the own form, and conversations, whose last turn holds the reasoning and
the final answer."""

import re
from collections.abc import Set
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from factory.seeds.format import Content, SeedFormat, number_text
from factory.seeds.published_formats import MessagesFormat
from factory.tasks.rationale.marks import conflict, ends_with_answer, split_answer

_SOLUTION = re.compile(r"\n|\\boxed|####")


class RationaleFormat(SeedFormat):
    """`question`, and of `rationale`, `reference` (the final answer) and `expression` what there is. A field
    that is not in it is refused: it is a typing error more often than a remark. Of a reference that is a
    whole solution the final answer counts, since no other answer would ever be that text."""

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
        reference, rationale = self.reference, self.rationale
        parts = split_answer(reference)
        if parts and (_SOLUTION.search(reference) or parts[0][-1] in ".!?。！？"):
            if found := conflict(reference):
                raise ValueError(f"reference: two final answers are marked, {found[0]} and {found[1]}")
            shorter = split_answer(parts[0])
            if shorter and shorter[1] == parts[1] and ends_with_answer(parts[0]):
                parts = shorter  # `#### 8`, and then "The answer is: 8"
            rationale, reference = rationale or parts[0], parts[1]
        return [Content(self.question, reference, rationale=rationale, expression=self.expression)]


class SolvedMessagesFormat(MessagesFormat):
    """Chat messages whose answer has a mark of the final answer: what stands before it is the rationale. An
    answer without one is the reference as a whole."""

    def contents(self) -> list[Content]:
        (content,) = super().contents()
        parts = split_answer(content.reference)
        return [Content(content.question, parts[1], rationale=parts[0])] if parts else [content]
