"""The rows of labelled conversations: chat messages, stored completions, prompt and completion, Alpaca.

Sources: the fine-tuning files, stored completions and batches of OpenAI's API, ShareGPT, Alpaca (Taori et al.
2023). Of stored completions the answer alone is learnt: what came before it has a row of its own.
"""

from collections.abc import Set
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from factory.seeds.conversations import conversation_content
from factory.seeds.format import Content, SeedFormat, from_text
from factory.seeds.published_formats import AlpacaFormat, PromptFormat

Turns = Annotated[list[dict[str, Any]], Field(min_length=1), BeforeValidator(from_text)]
_WHOLE = (None, "stop", "tool_calls", "function_call")


class ConversationFormat(SeedFormat):
    """Chat messages with the tools that were offered, under OpenAI's names or ShareGPT's; `weight: 0` at a
    turn of the assistant: it is seen and not learnt."""

    format_name = "messages"
    needs = frozenset({"messages"})
    marks = frozenset({"messages"})

    messages: Turns
    tools: Any = None
    functions: Any = None
    system: str | None = None
    parallel_tool_calls: bool | None = None

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys and "choices" not in keys

    def contents(self) -> list[Content]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [conversation_content([*system, *self.messages], self.tools or self.functions)]


class StoredCompletionFormat(SeedFormat):
    """A request and its response, as servers log them and OpenAI's batches have them (each in a `body`, or
    not); a conversation for each choice."""

    format_name = "stored_completion"
    needs = frozenset({"request", "response"})
    marks = frozenset({"request", "choices"})

    request: Annotated[dict[str, Any] | None, BeforeValidator(from_text)] = None
    response: Annotated[dict[str, Any] | None, BeforeValidator(from_text)] = None
    body: dict[str, Any] | None = None
    messages: Turns | None = None
    tools: Any = None
    choices: Annotated[list[dict[str, Any]] | None, BeforeValidator(from_text)] = None

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        asked, said = keys & {"request", "body", "messages"}, keys & {"response", "choices"}
        # Others have a field `response` beside a question.
        return bool(asked and said) and not keys & {"question", "query", "instruction", "prompt"}

    def contents(self) -> list[Content]:
        asked = _body(self.request or self.body) or {"messages": self.messages, "tools": self.tools}
        choices = self.choices or (_body(self.response) or {}).get("choices")
        if not isinstance(asked.get("messages"), list):
            raise ValueError("request: has no messages")
        if not isinstance(choices, list) or not choices:
            raise ValueError("response: has no choices; the request failed, or it is of another interface")
        tools = asked.get("tools") or asked.get("functions")
        turns = [_answer(choice) for choice in choices]
        return [conversation_content([*asked["messages"], turn], tools, last_alone=True) for turn in turns]


class CompletedFormat(PromptFormat):
    """`prompt` and `completion`."""

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys

    def contents(self) -> list[Content]:
        (content,) = super().contents()
        return [_exchange(content.question, content.reference)]


class InstructedFormat(AlpacaFormat):
    """`instruction` and `output`, and `input` where there is one: below the instruction, after a blank
    line."""

    needs = frozenset({"instruction", "output"})

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        return cls.needs <= keys and not keys & {"instances", "context", "response"}

    def contents(self) -> list[Content]:
        (content,) = super().contents()
        asked = f"{content.question}\n\n{content.input}" if content.input else content.question
        return [_exchange(asked, content.reference)]


FORMATS: tuple[type[SeedFormat], ...] = (
    ConversationFormat,
    StoredCompletionFormat,
    CompletedFormat,
    InstructedFormat,
)


def _exchange(asked: str, said: str) -> Content:
    return conversation_content([{"role": "user", "content": asked}, {"role": "assistant", "content": said}])


def _body(value: dict[str, Any] | None) -> dict[str, Any] | None:
    inner = (value or {}).get("body")
    return inner if isinstance(inner, dict) else value


def _answer(choice: Any) -> dict[str, Any]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("response: a choice has no message")
    if (ended := choice.get("finish_reason")) not in _WHOLE:
        raise ValueError(f"response: the answer is no whole one: it ended by {str(ended)[:40]}")
    return {"role": "assistant"} | message
