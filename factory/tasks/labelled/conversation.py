"""A labelled conversation: read out of its seed, and judged as a teacher's answer would be.

Promise: whatever is in it, the outcome is a fault with a reason code or none. Roles: a system turn at the
beginning if there is one, then user and assistant in turn; a turn that calls tools is followed by a result
for each call and goes on, or ends the conversation; the last turn is the assistant's, and one is learnt.
"""

import json
from dataclasses import dataclass
from typing import Any

from factory.chat_formats.unreadable import harmful, unreadable
from factory.seeds.conversations import step_of
from factory.seeds.seed import Seed
from factory.tasks.conversation import Messages, Origin
from factory.tasks.tool_call.call import CallFault, checked
from factory.text.reasons import ReasonCode
from factory.tools.spec import ToolSpec

Fault = tuple[ReasonCode, str]


@dataclass(frozen=True)
class Whole:
    """Messages and tools in OpenAI's form, and for each turn of the assistant where it comes from."""

    messages: Messages
    tools: list[dict[str, Any]]
    origins: tuple[Origin, ...]

    @property
    def before_last(self) -> int:
        """How many messages there are up to the last of the user's turns, it included."""
        users = [place for place, message in enumerate(self.messages) if message["role"] == "user"]
        return users[-1] + 1 if users else 0

    def fault(self) -> Fault | None:
        """Return why nothing can be learnt from it, a reason and a detail; None where something can."""
        return self._order() or next(filter(None, map(self._content, self.messages)), None) or self._calls()

    def _order(self) -> Fault | None:
        expected, waiting = {"system", "user"}, set[str]()
        for number, message in enumerate(self.messages, 1):
            role = message["role"]
            if role not in expected:
                after = (
                    f"after a turn of the {self.messages[number - 2]['role']}" if number > 1 else "at first"
                )
                return "wrong_shape", f"message {number}: a turn of the {role} {after}"
            if role == "tool":
                if message["tool_call_id"] not in waiting:
                    return "wrong_shape", f"message {number}: a result that answers no call"
                waiting.remove(message["tool_call_id"])
            elif role == "assistant":
                waiting = {call["id"] for call in message.get("tool_calls", ())}
            expected = {"tool"} if waiting else {"assistant"} if role != "assistant" else {"user"}
            expected = {"user"} if role == "system" else expected
        if self.messages[-1]["role"] != "assistant":
            return "wrong_shape", f"ends with a turn of the {self.messages[-1]['role']}"
        if not any(origin.learnt for origin in self.origins):
            return "wrong_shape", "no turn of the assistant is learnt: all have the weight 0"
        return None

    def _content(self, message: dict[str, Any]) -> Fault | None:
        text = message["content"] or ""
        if message.get("tool_calls") or message["role"] == "tool":
            return harmful(text)
        return harmful(text) if message["role"] == "system" else unreadable(text)

    def _calls(self) -> Fault | None:
        tools = [ToolSpec.model_validate(tool) for tool in self.tools]
        for message in self.messages:
            for call in step_of(message):
                try:
                    checked(call, tools)
                except CallFault as error:
                    return error.reason, error.detail
        return None


def read(seed: Seed) -> Whole:
    """Return the conversation of a seed."""
    whole = json.loads(seed.conversation)
    said = [message for message in whole["messages"] if message["role"] == "assistant"]
    return Whole(
        [{key: value for key, value in message.items() if key != "weight"} for message in whole["messages"]],
        whole["tools"],
        tuple(Origin("person", learnt=message.get("weight") != 0) for message in said),
    )
