"""Reading a tool call out of text that a model wrote.

Promise: whatever the text is, the outcome is a call or a `CallFault` with a reason code; nothing is executed.
What was thought before it is taken off. Refused: what is `unreadable` (too large, no text, a chat control
token, which would change whose turn it is once it is in a chat template), as it is written and once more
where arguments are written in escapes; what `strict_json` refuses; unknown tools; and arguments that do not
fit the tool's JSON Schema.
"""

from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.unreadable import harmful, unreadable
from factory.text.json_texts import json_texts
from factory.text.reasons import ReasonCode
from factory.text.strict_json import JsonFault, strict_json
from factory.text.thinking import without_thinking
from factory.tools.spec import ToolSpec

MAX_CALLS = 4


class CallFault(Exception):
    """There is no usable call.

    `reason` is one of `unreadable` (too_large, empty, not_text, control_token) or of `JsonFault`
    (truncated_json, not_json, not_finite, too_deep), or it is wrong_shape, unknown_tool, missing_argument,
    wrong_type, or bad_arguments for what else the tool's schema refuses.
    """

    def __init__(self, reason: ReasonCode, detail: str = ""):
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


def parse_call(text: str, tools: list[ToolSpec]) -> dict[str, Any]:
    """Return {"name", "arguments"} from a JSON object; raise CallFault."""
    return checked(read_json(text), tools)


def parse_calls(text: str, tools: list[ToolSpec], most: int = MAX_CALLS) -> list[dict[str, Any]]:
    """Return the calls of a JSON array, empty if no tool is called; raise CallFault, also for more than
    `most` or a call twice."""
    value = read_json(text)
    if not isinstance(value, list) or len(value) > most:
        raise CallFault("wrong_shape", f"expected a list of at most {most} calls")
    calls = [checked(call, tools) for call in value]
    if any(call in calls[:position] for position, call in enumerate(calls)):
        raise CallFault("wrong_shape", "a call is repeated")
    return calls


def parse_written_call(text: str, tools: list[ToolSpec], chat_format: ChatFormat) -> dict[str, Any]:
    """Return the call of a student's turn, as vLLM's parser of its chat format would read it; raise
    CallFault."""
    calls = parse_written_calls(text, tools, chat_format)
    if len(calls) != 1:
        raise CallFault("wrong_shape", f"{len(calls)} calls, and one was expected")
    return calls[0]


def parse_written_calls(text: str, tools: list[ToolSpec], chat_format: ChatFormat) -> list[dict[str, Any]]:
    """Return the calls of a student's turn, as vLLM's parser of its chat format would read it; raise
    CallFault, also for more than `MAX_CALLS`."""
    if not text.strip():
        raise CallFault("empty")
    calls = chat_format.read_calls(text, read_json)
    if not calls or len(calls) > MAX_CALLS:
        raise CallFault("wrong_shape", f"not one to {MAX_CALLS} calls in the {chat_format.title} chat format")
    return [checked(call, tools) for call in calls]


def declined(text: str) -> bool:
    """Return whether a model that is asked for one call or `null` calls nothing."""
    return without_thinking(text).strip() == "null"


def call_schema(tools: list[ToolSpec], *, or_none: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of one call to any of the tools, name first; `or_none`: or of `null`."""
    calls: list[dict[str, Any]] = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": tool.function.parameters},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    allowed = [*calls, {"type": "null"}] if or_none else calls
    return allowed[0] if len(allowed) == 1 else {"anyOf": allowed}


def read_json(text: str) -> Any:
    """Return the JSON value that a model wrote; raise CallFault."""
    text = without_thinking(text)
    if found := unreadable(text):
        raise CallFault(*found)
    try:
        return strict_json(text)
    except JsonFault as error:
        raise CallFault(error.reason, str(error)[:200]) from None


def checked(value: Any, tools: list[ToolSpec]) -> dict[str, Any]:
    """Return a call that is well formed and fits one of the tools; raise CallFault."""
    if (
        not isinstance(value, dict)
        or set(value) != {"name", "arguments"}
        or not isinstance(value["arguments"], dict)
    ):
        raise CallFault("wrong_shape", 'expected {"name": ..., "arguments": {...}}')
    tool = next((tool for tool in tools if tool.name == value["name"]), None)
    if tool is None:
        raise CallFault("unknown_tool", str(value["name"])[:200])
    if found := harmful("\n".join(json_texts(value["arguments"]))):
        raise CallFault(*found)
    if faults := tool.argument_faults(value["arguments"]):
        keywords = {keyword for _, keyword in faults}
        reason: ReasonCode = (
            "missing_argument"
            if "required" in keywords
            else "wrong_type"
            if "type" in keywords
            else "bad_arguments"
        )
        raise CallFault(reason, "; ".join(message for message, _ in faults)[:500])
    return value


def calls_schema(tools: list[ToolSpec], most: int = MAX_CALLS) -> dict[str, Any]:
    """Return the JSON Schema of a list of at most so many calls, empty where no tool is needed."""
    return {"type": "array", "items": call_schema(tools), "minItems": 0, "maxItems": most}
