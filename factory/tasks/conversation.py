"""A conversation: messages, the tools that were offered, and where each of the assistant's turns comes from.

It is what a kind makes, what the store keeps, and what `factory.tasks.rows` turns into tokens.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Origin:
    """Where a turn of the assistant comes from: the teacher, in the answer to the request `request_key`; a
    template; a person. What is not `learnt` is seen and not learnt."""

    by: Literal["teacher", "template", "person"] = "person"
    request_key: str = ""
    learnt: bool = True

    def stored(self) -> dict[str, Any]:
        """Return the origin as the store has it."""
        return (
            {"by": self.by}
            | ({"request_key": self.request_key} if self.request_key else {})
            | ({} if self.learnt else {"learnt": False})
        )


@dataclass(frozen=True)
class Conversation:
    """`messages` and `tools` are in OpenAI form; `origins` has one for each message of the assistant, in
    order. `task` names what is learnt where a sample is learnt as several, and is empty where it is not."""

    messages: Messages
    tools: list[dict[str, Any]] = field(default_factory=list)
    origins: tuple[Origin, ...] = ()
    task: str = ""

    @property
    def turns(self) -> list[tuple[int, Origin]]:
        """The places of the assistant's messages that are learnt, with their origins."""
        places = [place for place, message in enumerate(self.messages) if message["role"] == "assistant"]
        pairs = zip(places, self.origins, strict=True)
        return [(place, origin) for place, origin in pairs if origin.learnt]

    @property
    def question(self) -> str:
        """What the first user's turn says."""
        said = (message["content"] for message in self.messages if message["role"] == "user")
        return str(next(said, "") or "")

    @property
    def parts(self) -> tuple[Messages, Messages]:
        """The messages before the assistant's first, and the others."""
        roles = [message["role"] for message in self.messages]
        first = roles.index("assistant") if "assistant" in roles else 0
        return self.messages[:first], self.messages[first:]


def stored_conversation(row: dict[str, Any]) -> Conversation:
    """Return the conversation of a stored sample: `messages`, `tools` and `origins` are its columns, JSON
    text or what it says, and `request_keys` the keys of all its answers, where it took more than one."""
    messages, tools, stored = (_value(row[name]) or [] for name in ("messages", "tools", "origins"))
    if stored:
        origins = tuple(Origin(**origin) for origin in stored)
    else:
        origins = answered(messages, row["request_keys"] or [], row["request_key"])
    return Conversation(messages, tools, origins)


def _value(stored: Any) -> Any:
    return json.loads(stored) if isinstance(stored, str) else stored


def answered(messages: Messages, keys: Sequence[str], last: str) -> tuple[Origin, ...]:
    """Return where the assistant's turns come from in a conversation that the teacher's answers `keys` made:
    each step of calls is one of them, and the sentence after calls a template's; words without a call are
    the answer `last`."""
    calls = [bool(message.get("tool_calls")) for message in messages if message["role"] == "assistant"]
    if not any(calls):
        return tuple(Origin("teacher", last) for _ in calls)
    steps = iter(keys or [last])
    return tuple(Origin("teacher", next(steps, "")) if called else Origin("template") for called in calls)
