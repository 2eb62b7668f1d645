"""Turns of chat messages, with the names of OpenAI (`role`, `content`) and of ShareGPT (`from`, `value`)."""

import json
import re
from typing import Any

from factory.seeds.python_text import json_or_python

_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_call": "call",
    # As ms-swift and Llama's own templates have them.
    "tool_call": "call",
    "tool_response": "tool",
    "function_response": "tool",
    "ipython": "tool",
}
# System turns under which every answer is the same as without one.
_NEUTRAL = re.compile(
    r"you are (?:an? |the )?(?:(?:helpful|friendly|honest|harmless|polite|useful|ai|language|chat|and|,)\s*)*"
    r"(?:assistant|model|chatbot|ai)[.!]?",
    re.IGNORECASE,
)
MARKED_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)


def role_of(turn: dict[str, Any]) -> str:
    """Return `user`, `assistant`, `system`, `tool` or `call`; ValueError for any other."""
    role = turn.get("role", turn.get("from"))
    if not isinstance(role, str) or role not in _ROLES:
        raise ValueError(f"messages: a turn has an unknown role ({', '.join(_ROLES)})")
    return _ROLES[role]


def text_of(turn: dict[str, Any]) -> str:
    """Return the text of a turn, its parts joined; ValueError if it is no text."""
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") == "text" for part in content
    ):
        content = "".join(part["text"] if isinstance(part.get("text"), str) else "" for part in content)
    if content is None:
        return ""
    if not isinstance(content, str):
        raise ValueError("messages: the content of a turn is not text")
    return content


def beside_first_exchange(turns: list[dict[str, Any]], *, one_answer: bool) -> str:
    """Return what a conversation holds beside its first question and the answer to it, in words; with
    `one_answer` only the last of several in a row is that answer. Empty where it holds nothing else."""
    roles = [role for turn in turns if (role := role_of(turn)) not in ("system", "tool")]
    first = roles.index("user") if "user" in roles else len(roles)
    after = roles[first + 1 :]
    answers = after.index("user") if "user" in after else len(after)
    found = ["what the assistant said before the first question"] if first and "user" in roles else []
    found += ["all but the last of several answers in a row"] if one_answer and answers > 1 else []
    found += ["every exchange after the first"] if answers < len(after) else []
    return f"{' and '.join(found)} (kind: labelled keeps whole conversations)" if found else ""


def is_neutral(system: str) -> bool:
    """Return whether a system prompt says nothing that an answer depends on."""
    return not system.strip() or _NEUTRAL.fullmatch(" ".join(system.split())) is not None


def calls_of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the calls that an assistant's turn makes, as OpenAI, Hermes or ShareGPT write them; ValueError
    if they cannot be read."""
    given = turn.get("tool_calls") or []
    if one := turn.get("function_call"):
        given = [*given, one]
    if not isinstance(given, list):
        raise ValueError("messages: the calls of a turn are no list")
    found = [call.get("function", call) if isinstance(call, dict) else call for call in given]
    text = text_of(turn)
    if role_of(turn) == "call":
        read = _json(text)
        found += read if isinstance(read, list) else [read]
    else:
        found += [_json(marked) for marked in MARKED_CALL.findall(text)]
    return [_call(call) for call in found]


def _call(call: Any) -> dict[str, Any]:
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise ValueError("messages: a call has no name")
    arguments = call.get("arguments", call.get("parameters", {}))
    arguments = _json(arguments) if isinstance(arguments, str) else arguments or {}
    if not isinstance(arguments, dict):
        raise ValueError(f"messages: the arguments of {call['name'][:80]} are no object")
    return {"name": call["name"], "arguments": arguments}


def _json(text: str) -> Any:
    try:
        return json_or_python(text or "{}")
    except ValueError as error:
        raise ValueError(f"messages: a call is not JSON: {error}: {json.dumps(text[:80])}") from None
