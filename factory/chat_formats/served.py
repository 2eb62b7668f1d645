"""Messages as a server hands them to a chat template: what is rendered for training is rendered alike when
the student is in use."""

import json
from typing import Any


def as_served(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages with each call's arguments as an object, no empty list of calls, and empty text
    where an assistant says nothing. Arguments that are no JSON object stay as they are."""
    return [_assistant(one) if one["role"] == "assistant" else one for one in messages]


def _assistant(message: dict[str, Any]) -> dict[str, Any]:
    served = message | {"content": message.get("content") or ""}
    if calls := served.pop("tool_calls", None):
        served["tool_calls"] = [one | {"function": _function(one["function"])} for one in calls]
    return served


def _function(function: dict[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        return function
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return function
    return function | {"arguments": value} if isinstance(value, dict) else function
