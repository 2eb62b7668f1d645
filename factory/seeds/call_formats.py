"""Seed formats of published data for tool calls: chat messages with tools (OpenAI's fine-tuning files, Hermes
function calling, ShareGPT as LLaMA-Factory has it) and xLAM.

The tools of a row are not read: a recipe has one file of tools, and a call of another one is a fault that is
told before a model loads.

Sources: xlam-function-calling-60k (Liu et al. 2024, arXiv:2406.18518), hermes-function-calling-v1 (Nous
Research 2024), the chat messages of OpenAI's API.
"""

import json
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from factory.seeds.calls import steps_text
from factory.seeds.format import Content, SeedFormat, from_text
from factory.seeds.turns import beside_first_exchange, calls_of, is_neutral, role_of, text_of

_TOOLS = "the tools are those of the recipe's file, data.tools"


class XlamFormat(SeedFormat):
    """`query`, `tools`, and as `answers` one step of calls."""

    format_name = "xlam"
    needs = frozenset({"query", "answers"})
    marks = frozenset({"answers"})
    names: ClassVar[dict[str, str]] = {"question": "query", "reference": "answers"}
    unread: ClassVar[dict[str, str]] = {"tools": _TOOLS}

    query: str
    answers: Annotated[str, BeforeValidator(steps_text)]

    def contents(self) -> list[Content]:
        if not self.answers.startswith("["):
            raise ValueError("answers: should be a list of calls")
        return [Content(self.query, self.answers)]


class ToolMessagesFormat(SeedFormat):
    """Chat messages beside `tools`: the first user turn, and the calls that follow it, each turn a step; no
    step where the assistant answers at once."""

    format_name = "tool_messages"
    needs = frozenset({"messages", "tools"})
    marks = frozenset({"messages"})
    names: ClassVar[dict[str, str]] = {"question": "messages", "reference": "messages"}
    unread: ClassVar[dict[str, str]] = {"tools": _TOOLS}

    messages: Annotated[list[dict[str, Any]], Field(min_length=1), BeforeValidator(from_text)]

    def contents(self) -> list[Content]:
        question: str | None = None
        steps: list[list[dict[str, Any]]] = []
        answered = False
        for turn in self.messages:
            role = role_of(turn)
            if role == "system":
                if "<tools>" not in (text := text_of(turn)) and not is_neutral(text):
                    raise ValueError(
                        "messages: there is a system turn, under which the calls were made and which a seed "
                        "cannot keep"
                    )
            elif role == "user":
                if question is not None:
                    break
                question = text_of(turn)
            elif role != "tool" and question is not None:
                answered = True
                steps += [calls] if (calls := calls_of(turn)) else []
        if question is None:
            raise ValueError("messages: there is no user turn")
        if not answered:
            raise ValueError("messages: nobody answers the user")
        return [Content(question, steps_text(json.dumps(steps)))]

    @property
    def left_out(self) -> str:
        return beside_first_exchange(self.messages, one_answer=False)
