"""Base class of seed formats: the fields of a row, and the tasks in it.

Promise: a row is judged by pydantic, strictly, or refused with a `ValueError` that names the field. What the
tasks of all formats must keep (sizes, no control tokens, no blank question) is judged in one place,
`Content.fault`.
"""

import math
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from factory.chat_formats.control_token import control_token
from factory.seeds.python_text import json_or_python

# Characters. A question is in every prompt that is made from it; an answer is in one.
LONGEST = {
    "question": 4000,
    "input": 20_000,
    "reference": 20_000,
    "rationale": 20_000,
    "expression": 4000,
    "tools": 60_000,
}
LONGEST_CONVERSATION = 1_000_000


@dataclass(frozen=True)
class Content:
    """One task of a row; the fields are those of `Seed`. What is in a conversation its kind judges, not this
    place: nobody is asked it."""

    question: str
    reference: str = ""
    input: str = ""
    rationale: str = ""
    expression: str = ""
    tools: str = ""
    conversation: str = ""

    def fault(self, names: dict[str, str]) -> str:
        """Return why this can be no seed, or nothing; `names` says what the row calls a field, where it is
        not our name."""
        if not self.question.strip():
            return f"{names.get('question', 'question')}: is blank"
        if self.conversation:
            size = len(self.conversation)
            return (
                f"messages: {size:,} characters, more than {LONGEST_CONVERSATION:,}"
                if size > LONGEST_CONVERSATION
                else ""
            )
        for field, limit in LONGEST.items():
            text = getattr(self, field)
            name = names.get(field, field)
            if len(text) > limit:
                return f"{name}: {len(text):,} characters, more than {limit:,}"
            if token := control_token(text):
                return f"{name}: {token} would end the turn"
        return ""


def language_code(value: Any) -> Any:
    """Return the language of a code that names a country too: `zh-CN`, `en_US`, `EN`."""
    return re.sub(r"[-_][A-Za-z]{2,4}$", "", value).lower() if isinstance(value, str) else value


class SeedFormat(BaseModel):
    """A row of one format. Subclasses add the fields and derive the tasks."""

    model_config = ConfigDict(extra="ignore", strict=True)

    format_name: ClassVar[str]
    needs: ClassVar[frozenset[str]]  # fields without which a row is not of this format
    marks: ClassVar[frozenset[str]]  # fields that tell it from other formats
    names: ClassVar[dict[str, str]] = {}  # what this format calls the fields of `Content`
    unread: ClassVar[dict[str, str]] = {}  # known columns that are not read, and why

    id: Annotated[
        str | None,
        BeforeValidator(lambda value: number_text(value, whole=True)),
        Field(min_length=1, max_length=200),
    ] = None
    language: Annotated[str, BeforeValidator(language_code), Field(pattern="^[a-z]{2,3}$")] = "en"
    family: Annotated[str, Field(min_length=1, max_length=100)] = "general"

    @classmethod
    def fields(cls) -> frozenset[str]:
        """The names that a row of this format may use."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        """Return whether a row with these fields can be of this format."""
        return cls.needs <= keys

    @property
    def left_out(self) -> str:
        """What of the row is in none of its tasks, in words; empty where nothing is."""
        return ""

    @property
    def group(self) -> str:
        """What kind of question it is."""
        return self.family

    def contents(self) -> list[Content]:
        """Return the tasks of the row; raise ValueError if what it says makes none."""
        raise NotImplementedError


def number_text(value: Any, *, whole: bool = False) -> Any:
    """Return a number as its text, where a file holds numbers as such; all else as it is, for pydantic to
    judge."""
    if isinstance(value, bool):
        return value
    return (
        str(value)
        if isinstance(value, int) or (not whole and isinstance(value, float) and math.isfinite(value))
        else value
    )


Said = Annotated[str, BeforeValidator(number_text)]  # an answer: 42 is one, and "42"


def from_text(value: Any) -> Any:
    """Return what a cell holds that can hold only text: a list written as JSON, or as Python prints it."""
    return json_or_python(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
