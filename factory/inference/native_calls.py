"""Tool calling by a server's own `tools`, for requests whose answer is calls in JSON.

Promise: such a request is put with `tools` and `tool_choice` in place of its schema, calls and results of
earlier turns in OpenAI's form, and without the system turn, which says how to write calls as text; what the
server calls is read back as the text that the schema asks for. So all that follows is the same. Any other
request stays as it is. Not promised: log-probabilities, which belong to another text.
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any

from factory.inference.request import CallForm, Request
from factory.text.strict_json import JsonFault, strict_json

RESULTS = "Results: "  # what the turn with the results of a step begins with
_UNSEEN = "OK"  # stands for the result of an example whose result is not shown


def native(request: Request, tools: list[dict[str, Any]]) -> Request:
    """Return the request put by the server's own tool calling, if its answer is calls of these tools."""
    schema = request.schema or {}
    several = schema.get("type") == "array"
    inner = schema.get("items", {}) if several else schema
    options = inner.get("anyOf", [inner])
    names = {_called(option) for option in options} - {None}
    if not names or not names <= {tool["function"]["name"] for tool in tools}:
        return request
    return dataclasses.replace(
        request,
        messages=list(_turns(request.messages)),
        schema=None,
        tools=[tool for tool in tools if tool["function"]["name"] in names],
        calls=CallForm(several, several or {"type": "null"} in options),
    )


def written(called: Any, text: str, form: CallForm) -> str:
    """Return a server's calls as the text that the schema asks for; `text` is what it said beside them."""
    if not isinstance(called, list) or not called:
        # A server that does not know how to call writes calls as text.
        return text if not form.optional or text.lstrip().startswith(("[", "{")) else form.none
    calls = []
    for call in called:
        function = call.get("function") if isinstance(call, dict) else None
        function = function if isinstance(function, dict) else {}
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            try:
                arguments = strict_json(arguments or "{}")
            except JsonFault:
                # The fault is found where every text is judged.
                return str(function["arguments"])
        calls.append({"name": function.get("name"), "arguments": {} if arguments is None else arguments})
    return json.dumps(calls if form.several or len(calls) > 1 else calls[0], ensure_ascii=False)


def _called(option: Any) -> str | None:
    """Return the name of the tool that a part of a schema is a call of."""
    properties = option.get("properties", {}) if isinstance(option, dict) else {}
    name = properties.get("name")
    return name.get("const") if isinstance(name, dict) and set(properties) == {"name", "arguments"} else None


def _turns(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    numbers = itertools.count(1)
    waiting: list[str] = []
    for message in messages:
        role, content = message["role"], message.get("content") or ""
        results = _results(content, len(waiting)) if waiting and role == "user" else None
        for place, name in enumerate(waiting):
            result = results[place] if results else _UNSEEN
            yield {"role": "tool", "tool_call_id": name, "content": result}
        waiting = []
        if results or role == "system":
            continue
        calls = _calls(content) if role == "assistant" else []
        if not calls:
            yield message
            continue
        waiting = [f"call_{next(numbers)}" for _ in calls]
        asked = [
            {
                "id": name,
                "type": "function",
                "function": {
                    "name": call["name"],
                    "arguments": json.dumps(call["arguments"], ensure_ascii=False),
                },
            }
            for name, call in zip(waiting, calls, strict=True)
        ]
        yield {"role": "assistant", "content": None, "tool_calls": asked}


def _calls(text: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    calls = value if isinstance(value, list) else [value]
    return (
        calls if all(isinstance(call, dict) and set(call) == {"name", "arguments"} for call in calls) else []
    )


def _results(text: str, count: int) -> list[str] | None:
    if not text.startswith(RESULTS):
        return None
    try:
        value = json.loads(text.removeprefix(RESULTS))
    except (ValueError, RecursionError):
        return None
    return [str(result) for result in value] if isinstance(value, list) and len(value) == count else None
