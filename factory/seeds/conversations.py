"""Whole conversations as seeds: turns in OpenAI's form, from whatever known form they were written in.

Promise: nothing is left out between the first turn and the last; calls are numbered anew, marks of Hermes
around calls and results are taken off, names of tools that servers refuse are changed in tools and calls
alike. Whether the roles are in an order that can be, and a call fits its tool, is not judged here.
"""

import json
import re
from functools import lru_cache
from typing import Any

from factory.seeds.format import Content
from factory.seeds.turns import MARKED_CALL, calls_of, role_of, text_of
from factory.system.digest import canonical_json
from factory.text.strict_json import strict_json
from factory.tools.load import allowed_name, read_tools
from factory.tools.shapes import unwrap
from factory.tools.spec import ToolSpec

_RESULT = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)
Turn = dict[str, Any]


def conversation_content(turns: list[Turn], tools: Any = None, *, last_alone: bool = False) -> Content:
    """Return the task of a conversation: the last user's turn is its question, the last of the assistant's
    its reference. `last_alone`: what the assistant said before was learnt elsewhere. ValueError for what is
    no conversation."""
    messages = _messages(turns)
    roles = [message["role"] for message in messages]
    if "user" not in roles:
        raise ValueError("messages: there is no user turn")
    if "assistant" not in roles:
        raise ValueError("messages: nobody answers the user")
    ends = {role: len(roles) - 1 - roles[::-1].index(role) for role in ("user", "assistant")}
    if last_alone:
        messages = [
            message | {"weight": 0} if message["role"] == "assistant" and place < ends["user"] else message
            for place, message in enumerate(messages)
        ]
    whole = {"messages": messages, "tools": tool_specs(tools)}
    return Content(
        messages[ends["user"]]["content"],
        reference_of(messages[ends["assistant"]]),
        conversation=canonical_json(whole),
    )


def tool_specs(tools: Any) -> list[dict[str, Any]]:
    """Return tools, described in any known shape, in OpenAI's form; ValueError for what is wrong in them."""
    if not tools:
        return []
    if not isinstance(tools, str):
        try:
            tools = json.dumps(tools)
        except TypeError:
            raise ValueError("tools: no list of descriptions") from None
    # Most rows of a file offer the same tools.
    return [spec.model_dump() for spec in _specs(tools)]


@lru_cache(maxsize=256)
def _specs(text: str) -> list[ToolSpec]:
    try:
        value = strict_json(text)
    except ValueError as error:
        raise ValueError(f"tools: {error}") from None
    specs, faults, _ = read_tools(unwrap(value))
    if faults or (value and not specs):
        raise ValueError(f"tools: {faults[0] if faults else 'no known shape of a tool'}")
    return specs


def reference_of(message: Turn) -> str:
    """Return what a turn of the assistant says: its text, or one step of calls as canonical JSON."""
    step = step_of(message)
    return canonical_json([step]) if step else str(message["content"] or "")


def step_of(message: Turn) -> list[dict[str, Any]]:
    """Return the calls of a turn, each `{"name", "arguments"}`."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return [{"name": call["name"], "arguments": json.loads(call["arguments"])} for call in calls]


def _messages(turns: list[Turn]) -> list[Turn]:
    messages: list[Turn] = []
    names: dict[str, str] = {}  # of calls, as they were written and as they are now
    waiting: list[str] = []  # calls without a result
    count = 0
    for turn in turns:
        role, text = role_of(turn), text_of(turn)
        if role == "tool":
            for result in _RESULT.findall(text) or [text]:
                written = turn.get("tool_call_id")
                name = names.get(str(written), str(written)) if written else next(iter(waiting), "")
                waiting = [one for one in waiting if one != name]
                messages.append({"role": "tool", "tool_call_id": name, "content": result})
        elif role in ("assistant", "call"):
            calls, waiting = calls_of(turn), []
            ids = [call.get("id") for call in turn.get("tool_calls") or () if isinstance(call, dict)]
            for place, _ in enumerate(calls):
                count += 1
                waiting.append(f"call_{count}")
                if place < len(ids) and ids[place]:
                    names[str(ids[place])] = waiting[-1]
            messages.append(_assistant(turn, role, text, list(zip(waiting, calls, strict=True))))
        else:
            messages.append({"role": role, "content": text})
    return messages


def _assistant(turn: Turn, role: str, text: str, calls: list[tuple[str, dict[str, Any]]]) -> Turn:
    said = "" if role == "call" else MARKED_CALL.sub("", text)
    if calls:
        said = said.strip()
    message: Turn = {"role": "assistant", "content": said or (None if calls else "")}
    if calls:
        message["tool_calls"] = [
            {
                "id": name,
                "type": "function",
                "function": {
                    "name": allowed_name(call["name"]),
                    "arguments": json.dumps(call["arguments"], ensure_ascii=False),
                },
            }
            for name, call in calls
        ]
    weight = turn.get("weight", 1)
    if weight not in (0, 1, None):
        raise ValueError("messages: the weight of a turn is 0 (seen, not learnt) or 1")
    return message | ({"weight": 0} if weight == 0 else {})
