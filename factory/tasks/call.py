"""Reading a tool call out of text that a model wrote.

Promise: whatever the text is, the outcome is a call or a `CallFault` with a reason code; nothing is executed. Refused: more than 20,000
characters, duplicate keys, NaN and infinities, deep nesting, unknown tools, arguments that do not fit the tool's JSON Schema. The Hermes
form is `<tool_call>\\n{...}\\n</tool_call>`.
"""

import json
import re
from typing import Any

from factory.tools.spec import ToolSpec

MAX_CHARACTERS = 20_000
_HERMES = re.compile(r"\s*<tool_call>\s*(.*?)\s*</tool_call>\s*", re.DOTALL)


class CallFault(Exception):
    """There is no usable call: `reason` is one of empty, not_json, wrong_shape, unknown_tool, bad_arguments."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


def parse_call(text: str, tools: list[ToolSpec]) -> dict[str, Any]:
    """Return {"name", "arguments"} from a JSON object; raise CallFault."""
    if not text.strip():
        raise CallFault("empty")
    if len(text) > MAX_CHARACTERS:
        raise CallFault("not_json", f"{len(text)} characters")
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CallFault("not_json", str(error)[:200]) from None
    if not isinstance(value, dict) or set(value) != {"name", "arguments"} or not isinstance(value["arguments"], dict):
        raise CallFault("wrong_shape", 'expected {"name": ..., "arguments": {...}}')
    tool = next((tool for tool in tools if tool.name == value["name"]), None)
    if tool is None:
        raise CallFault("unknown_tool", str(value["name"])[:200])
    if faults := tool.check_arguments(value["arguments"]):
        raise CallFault("bad_arguments", "; ".join(faults)[:500])
    return value


def parse_hermes(text: str, tools: list[ToolSpec]) -> dict[str, Any]:
    """Return the call of a text in the Hermes form, as vLLM's `hermes` tool parser would read it; raise CallFault."""
    if not text.strip():
        raise CallFault("empty")
    match = _HERMES.fullmatch(text[:MAX_CHARACTERS])
    if match is None:
        raise CallFault("wrong_shape", "not one <tool_call>...</tool_call>")
    return parse_call(match.group(1), tools)


def call_schema(tools: list[ToolSpec]) -> dict[str, Any]:
    """Return the JSON Schema of one call to any of the tools, name first."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": tool.function.parameters},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
