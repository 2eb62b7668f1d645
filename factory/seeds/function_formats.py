"""Seed formats of function calls whose rows bring their tools: chat messages with tools (OpenAI's fine-tuning
files, Hermes function calling) and the Berkeley Function Calling Leaderboard.

Sources: hermes-function-calling-v1 (Nous Research 2024), the chat messages of OpenAI's API, BFCL (Patil et
al. 2025, "The Berkeley Function Calling Leaderboard").
"""

import json
import re
from typing import Any, ClassVar

from factory.seeds.call_formats import ToolMessagesFormat
from factory.seeds.format import Content, SeedFormat
from factory.seeds.offered import allowed_calls, fitting_calls, offered_tools, tools_text
from factory.seeds.turns import is_neutral, role_of, text_of
from factory.text.strict_json import strict_json

_TAGGED = re.compile(r"<tools>(.*?)</tools>", re.DOTALL)


def named(field: str, error: ValueError) -> ValueError:
    """Return an error with the field that it is about before it."""
    return ValueError(f"{field}: {error}")


class FunctionMessagesFormat(ToolMessagesFormat):
    """Chat messages with their `tools`, in a column or between the tags of a system turn: the first user
    turn, and the one turn of calls that answers it; none where the assistant answers in words."""

    needs = frozenset({"messages"})
    unread: ClassVar[dict[str, str]] = {}

    tools: Any = None

    def contents(self) -> list[Content]:
        (content,) = super().contents()
        try:
            specs = offered_tools(self.tools or self._tagged())
        except ValueError as error:
            raise named("tools", error) from None
        try:
            reference = fitting_calls(json.loads(content.reference), specs)
        except ValueError as error:
            raise named("messages", error) from None
        return [Content(content.question, reference, tools=tools_text(specs))]

    def _tagged(self) -> list[Any]:
        """Return the tools of the system turns: a list, or one a line."""
        texts = [text_of(turn) for turn in self.messages if role_of(turn) == "system"]
        found = [inner.strip() for text in texts for inner in _TAGGED.findall(text) if inner.strip()]
        tools: list[Any] = []
        for inner in found:
            pieces = [inner] if inner.startswith("[") else inner.splitlines()
            for value in map(strict_json, filter(str.strip, pieces)):
                tools += value if isinstance(value, list) else [value]
        return tools


class BfclFormat(SeedFormat):
    """`question`, turns of messages of which one is read, `function`, the tools, and `ground_truth`, the
    possible answers: of a file beside, `possible_answer/NAME`, which is found by itself."""

    format_name = "bfcl"
    needs = frozenset({"question", "function"})
    marks = frozenset({"function"})
    names: ClassVar[dict[str, str]] = {"reference": "ground_truth", "tools": "function"}

    question: list[list[dict[str, Any]]]
    function: list[dict[str, Any]]
    ground_truth: list[dict[str, Any]] | None = None

    @property
    def group(self) -> str:
        """The category: an id is that and a number."""
        return (self.id or "").rpartition("_")[0][:100] or self.family

    def contents(self) -> list[Content]:
        turns = [turn for turns in self.question for turn in turns]
        told = [turn for turn in turns if role_of(turn) != "system" or not is_neutral(text_of(turn))]
        if len(self.question) != 1 or [role_of(turn) for turn in told] != ["user"]:
            raise ValueError("question: one turn of the user is read, and nothing that it was asked under")
        try:
            specs = offered_tools(self.function)
        except ValueError as error:
            raise named("function", error) from None
        try:
            reference = "" if self.ground_truth is None else allowed_calls(self.ground_truth, specs)
        except ValueError as error:
            raise named("ground_truth", error) from None
        return [Content(text_of(told[0]), reference, tools=tools_text(specs))]
