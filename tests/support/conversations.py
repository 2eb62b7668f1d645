"""Conversations of a shop's assistant, written for the tests: system prompts, several exchanges, calls and
their results."""

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SYSTEM = {"role": "system", "content": "You are the assistant of a small bicycle shop. Answer briefly."}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "Looks an order up.",
            "parameters": {
                "type": "object",
                "properties": {"number": {"type": "integer"}},
                "required": ["number"],
                "additionalProperties": False,
            },
        },
    }
]
THINGS = ["bells", "locks", "helmets", "pumps", "saddles", "baskets", "lamps", "pedals", "tyres", "chains"]


def user(text: str) -> Row:
    return {"role": "user", "content": text}


def said(text: str, **more: Any) -> Row:
    return {"role": "assistant", "content": text, **more}


def called(number: Any, name: str = "find_order", id: str = "call_x9") -> Row:
    function = {"name": name, "arguments": json.dumps({"number": number})}
    return {"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": function}]}


def result(text: str, id: str = "call_x9") -> Row:
    return {"role": "tool", "tool_call_id": id, "content": text}


def plain(thing: str) -> Row:
    """A conversation of two exchanges under a system prompt."""
    return {
        "messages": [
            SYSTEM,
            user(f"Hello, do you sell {thing} for children as well?"),
            said(f"Yes, we have {thing} in two sizes.", weight=0),
            user(f"How much is the cheapest of your {thing}?"),
            said(f"The cheapest of our {thing} cost {len(thing)} euros."),
        ]
    }


def with_call(number: int) -> Row:
    """A conversation in which an order is looked up."""
    return {
        "messages": [
            SYSTEM,
            user(f"Where is my order with the number {number}, please?"),
            called(number),
            result('{"state": "sent"}'),
            said(f"Order {number} was sent to you already."),
        ],
        "tools": TOOLS,
        "parallel_tool_calls": False,
    }


ALL = [plain(thing) for thing in THINGS] + [with_call(number) for number in range(4711, 4721)]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
