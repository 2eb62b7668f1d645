"""Judge of function calls for evaluators of others: are they right by the rules of BFCL's checker?

This file is copied into exported task folders, so it needs nothing but Python. Calls come as a server parsed
them, or stand in the text. Where distill-factory is installed the text is read by it, in the student's chat
format, and judged by it. Without it the calls are the JSON in the text, whatever marks are around it, and
each argument has to be one of the allowed values, case and spaces aside.
"""

import json
import re
from typing import Any


def judge(answer: dict[str, Any], expected: Any, about: dict[str, Any]) -> dict[str, bool]:
    """Return the verdict on an answer, {"text", "calls"}, the calls None where no server has parsed them;
    `about` has the chat format's parser and marks; `expected` the reference, the tools and the answers."""
    calls = answer.get("calls") or _calls(answer["text"], about)
    return {
        "answer_accuracy": calls is not None and _are_right(calls, expected),
        "parse_rate": calls is not None,
    }


def _calls(text: str, about: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the calls of a text, none where it is meant for a person; None where it cannot be read."""
    try:
        from factory.chat_formats.formats import FORMATS
        from factory.tasks.function_call.scorer import read_written
    except ImportError:
        return _plain_calls(text, about["marks"])
    return read_written(text, next(one for one in FORMATS.values() if one.parser == about["parser"]))


def _are_right(calls: list[dict[str, Any]], expected: dict[str, Any]) -> bool:
    try:
        from factory.seeds.offered import read_tools_text
        from factory.tasks.function_call.matching import are_right
    except ImportError:
        left = list(calls)
        for name, allowed in expected["answers"]:
            fitting = [call for call in left if call["name"] == name and _fits(call["arguments"], allowed)]
            if not fitting:
                return False
            left.remove(fitting[0])
        return not left
    return are_right(calls, expected["reference"], read_tools_text(expected["tools"]))


def _fits(arguments: dict[str, Any], allowed: dict[str, list[Any]]) -> bool:
    given = all(
        name in allowed and _plain(value) in map(_plain, allowed[name]) for name, value in arguments.items()
    )
    return given and all(name in arguments or "" in values for name, values in allowed.items())


def _plain(value: Any) -> Any:
    return "".join(value.casefold().split()) if isinstance(value, str) else value


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
                arguments = call.get("arguments", call.get("parameters"))
                calls.append({"name": call["name"], "arguments": dict(arguments)})
            text = text[end:]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return calls
