"""Judge of tool calls for evaluators of others: are they the calls that are expected, and none where none is?

This file is copied into exported task folders, so it needs nothing but Python. Calls come as a server parsed
them, or stand in the text. Where distill-factory is installed the text is read by it, in the student's chat
format, and arguments are compared as its tools read them; without it the calls are the JSON in the text,
whatever marks are around it, and arguments are equal as JSON, spaces in texts aside. No call is carried out.
"""

import json
import re
from typing import Any


def judge(answer: dict[str, Any], expected: Any, about: dict[str, Any]) -> dict[str, bool]:
    """Return the verdict on an answer, {"text", "calls"}, the calls None where no server has parsed them;
    `about` has the chat format's parser and marks, the tools, and whether a turn may hold several calls;
    `expected` are those of one turn."""
    calls = answer.get("calls") or _calls(answer["text"], about)
    if calls is None or not about["in_steps"] and len(calls) != len(expected):
        return {"tool_call_accuracy": False, "parse_rate": False}
    return {"tool_call_accuracy": _compared(calls) == _compared(expected), "parse_rate": True}


def _calls(text: str, about: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the calls of a text, none where it is meant for a person; None where it cannot be read."""
    try:
        from factory.chat_formats.formats import FORMATS
        from factory.chat_formats.unreadable import unreadable
        from factory.tasks.tool_call.call import CallFault, parse_written_calls
        from factory.tools.spec import ToolSpec
    except ImportError:
        return _plain_calls(text, about["marks"])
    chat_format = next(one for one in FORMATS.values() if one.parser == about["parser"])
    if not chat_format.has_call(text):
        return [] if unreadable(text) is None else None
    try:
        tools = [ToolSpec.model_validate(tool) for tool in about["tools"]]
        return parse_written_calls(text, tools, chat_format)
    except CallFault:
        return None


def _plain_calls(text: str, marks: list[str]) -> list[dict[str, Any]] | None:
    text = re.sub(r"\A\s*<think>.*?</think>", "", text, flags=re.DOTALL)
    if not text.strip():
        return None
    if not any(mark in text for mark in marks) and text.lstrip()[:1] not in ("{", "["):
        return []
    for mark in marks:
        text = text.replace(mark, " ")
    calls: list[dict[str, Any]] = []
    try:
        while text := text.strip(" \t\r\n,;"):
            value, end = json.JSONDecoder().raw_decode(text)
            for call in value if isinstance(value, list) else [value]:
                calls.append(
                    {"name": call["name"], "arguments": call.get("arguments", call.get("parameters"))}
                )
            text = text[end:]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return calls


def _compared(calls: list[dict[str, Any]]) -> list[str]:
    # Calls of one turn are made together, so their order says nothing.
    return sorted(json.dumps([call["name"], _arguments(call)], sort_keys=True) for call in calls)


def _arguments(call: dict[str, Any]) -> Any:
    try:
        from factory.tools.registry import canonical_arguments
    except ImportError:
        return _normal(call["arguments"])
    return canonical_arguments(call["name"], call["arguments"])


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_normal(part) for part in value]
    if isinstance(value, str):
        return "".join(value.split())
    return int(value) if isinstance(value, float) and value.is_integer() else value
