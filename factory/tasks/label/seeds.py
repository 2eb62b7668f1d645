"""The rows of seeds for labels: the own one, in which a field that is not of it is refused, and two that
published datasets have."""

from collections.abc import Set
from typing import ClassVar

from pydantic import ConfigDict

from factory.seeds.format import Content, Said, SeedFormat

UNLABELLED = "-1"  # what the test splits of published datasets have in place of a label


class LabelFormat(SeedFormat):
    """`text`, and its `label` if it is known."""

    model_config = ConfigDict(extra="forbid")
    format_name = "label"
    needs = frozenset({"text"})
    marks = frozenset({"text", "label"})
    names: ClassVar[dict[str, str]] = {"question": "text", "reference": "label"}

    text: str
    label: Said = ""

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys <= cls.fields()

    def contents(self) -> list[Content]:
        return [Content(self.text, self.label.strip())]


class TextLabelFormat(SeedFormat):
    """`text` and `label`, a name or a number."""

    format_name = "text_label"
    needs = frozenset({"text", "label"})
    marks = frozenset({"text", "label"})
    names: ClassVar[dict[str, str]] = {"question": "text", "reference": "label"}

    text: str
    label: Said = ""

    def contents(self) -> list[Content]:
        return [_content(self.text, self.label)]


class SentenceLabelFormat(SeedFormat):
    """`sentence` and `label`, a name or a number."""

    format_name = "sentence_label"
    needs = frozenset({"sentence", "label"})
    marks = frozenset({"sentence"})
    names: ClassVar[dict[str, str]] = {"question": "sentence", "reference": "label"}

    sentence: str
    label: Said = ""

    def contents(self) -> list[Content]:
        return [_content(self.sentence, self.label)]


def _content(text: str, label: str) -> Content:
    label = label.strip()
    return Content(text, "" if label == UNLABELLED else label)
