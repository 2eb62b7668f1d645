"""Reading a tool call out of text that a model wrote.

Promise: whatever the text is, the outcome is a call or a `CallFault` with a reason code; nothing is executed. Refused: more than 20,000
characters, what `strict_json` refuses, unknown tools, arguments that do not fit the tool's JSON Schema, and arguments with a chat control
token (`<|im_start|>`, `</tool_call>`), which would change whose turn it is once they stand in a chat template. The Hermes form is
`<tool_call>\\n{...}\\n</tool_call>`.
"""

import json
from typing import Any

from factory.tasks.control_token import control_token
from factory.tasks.sample import MAX_CHARACTERS
from factory.tasks.strict_json import strict_json
from factory.tools.spec import ToolSpec

MAX_CALLS = 4
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


class CallFault(Exception):
    """There is no usable call: `reason` is one of empty, not_json, wrong_shape, unknown_tool, bad_arguments, control_token."""

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
        value = strict_json(text)
    except ValueError as error:
        raise CallFault("not_json", str(error)[:200]) from None
    return _checked(value, tools)


def parse_calls(text: str, tools: list[ToolSpec]) -> list[dict[str, Any]]:
    """Return the calls of a JSON array, empty if no tool is called; raise CallFault, also for more than `MAX_CALLS` or a call twice."""
    if not text.strip():
        raise CallFault("empty")
    if len(text) > MAX_CHARACTERS:
        raise CallFault("not_json", f"{len(text)} characters")
    try:
        value = strict_json(text)
    except ValueError as error:
        raise CallFault("not_json", str(error)[:200]) from None
    if not isinstance(value, list) or len(value) > MAX_CALLS:
        raise CallFault("wrong_shape", f"expected a list of at most {MAX_CALLS} calls")
    calls = [_checked(call, tools) for call in value]
    if any(call in calls[:position] for position, call in enumerate(calls)):
        raise CallFault("wrong_shape", "a call stands twice")
    return calls


def parse_hermes(text: str, tools: list[ToolSpec]) -> dict[str, Any]:
    """Return the call of a text in the Hermes form, as vLLM's `hermes` tool parser would read it; raise CallFault."""
    said = text.strip()
    if not said:
        raise CallFault("empty")
    # Not a regular expression: `\s*(.*?)\s*` takes cubic time on an answer that is all spaces.
    if not (said.startswith(_OPEN) and said.endswith(_CLOSE) and said.count(_OPEN) == said.count(_CLOSE) == 1):
        raise CallFault("wrong_shape", f"not one {_OPEN}...{_CLOSE}")
    return parse_call(said.removeprefix(_OPEN).removesuffix(_CLOSE), tools)


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


def _checked(value: Any, tools: list[ToolSpec]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != {"name", "arguments"} or not isinstance(value["arguments"], dict):
        raise CallFault("wrong_shape", 'expected {"name": ..., "arguments": {...}}')
    tool = next((tool for tool in tools if tool.name == value["name"]), None)
    if tool is None:
        raise CallFault("unknown_tool", str(value["name"])[:200])
    if faults := tool.check_arguments(value["arguments"]):
        raise CallFault("bad_arguments", "; ".join(faults)[:500])
    if token := control_token(json.dumps(value["arguments"], ensure_ascii=False)):
        raise CallFault("control_token", token)
    return value


def calls_schema(tools: list[ToolSpec]) -> dict[str, Any]:
    """Return the JSON Schema of a list of calls, empty where no tool is needed."""
    return {"type": "array", "items": call_schema(tools), "minItems": 0, "maxItems": MAX_CALLS}
