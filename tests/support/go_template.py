"""A small reading of Go's text/template and of how Ollama executes one: enough for the templates here, and an
error for anything else."""

import json
import re
from typing import Any

_PIECE = re.compile(r'\{\{ (?P<action>(?:"(?:[^"\\]|\\.)*"|[^"])*?) \}\}', re.DOTALL)
_WORD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[()]|[^\s()]+)')


def ollama(template: str, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
    """Return the prompt that Ollama makes of a conversation in OpenAI's form."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        turn = {"Role": message["role"], "Content": message.get("content") or "", "ToolCalls": []}
        for call in message.get("tool_calls") or ():
            told = call["function"]["arguments"]
            arguments = json.loads(told) if isinstance(told, str) else told
            turn["ToolCalls"].append({"Function": {"Name": call["function"]["name"], "Arguments": arguments}})
        if turns and turns[-1]["Role"] == turn["Role"] != "tool":
            turns[-1]["Content"] += "\n\n" + turn["Content"]
        else:
            turns.append(turn)
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    return execute(template, {"System": system, "Messages": turns, "Tools": tools or []})


def modelfile(text: str) -> dict[str, list[str]]:
    """Return the commands of a Modelfile as Ollama's parser reads them."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'^(FROM|TEMPLATE|PARAMETER \w+) ("""[\s\S]*?"""|.*)$', text, re.MULTILINE):
        marks = '"""' if value.startswith('"""') else '"' if value.startswith('"') else ""
        found.setdefault(name, []).append(value[len(marks) : len(value) - len(marks)])
    return found


def execute(template: str, values: dict[str, Any]) -> str:
    """Return what a template writes."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for piece in _PIECE.finditer(template):
        pieces += [("text", template[at : piece.start()]), ("action", piece["action"])]
        at = piece.end()
    pieces.append(("text", template[at:]))
    nodes, rest = _block(pieces)
    assert not rest, f"an end too many: {rest[0]}"
    return _written(nodes, values, {"$": values})


def _block(pieces: list[tuple[str, str]]) -> tuple[list[Any], list[tuple[str, str]]]:
    """Return the nodes up to an `else` or an `end`, and what is left from there."""
    nodes: list[Any] = []
    while pieces:
        (kind, text), *pieces = pieces
        if kind == "text":
            nodes.append(("text", text))
        elif text == "end" or text.startswith("else"):
            return nodes, [(kind, text), *pieces]
        elif text.startswith(("if ", "range ")):
            node, pieces = _branch(text, pieces)
            nodes.append(node)
        else:
            nodes.append(("write", text))
    return nodes, []


def _branch(opening: str, pieces: list[tuple[str, str]]) -> tuple[Any, list[tuple[str, str]]]:
    body, pieces = _block(pieces)
    (_, text), *pieces = pieces
    other: list[Any] = []
    if text.startswith("else if "):
        node, pieces = _branch(text.removeprefix("else "), pieces)
        return (opening, body, [node]), pieces
    if text == "else":
        other, pieces = _block(pieces)
        (_, text), *pieces = pieces
    assert text == "end", text
    return (opening, body, other), pieces


def _written(nodes: list[Any], dot: Any, names: dict[str, Any]) -> str:
    said = ""
    for node in nodes:
        if node[0] == "text":
            said += node[1]
        elif node[0] == "write":
            value = _value(node[1], dot, names)
            assert isinstance(value, str), f"only text is written: {node[1]}"
            said += value
        elif node[0].startswith("if "):
            chosen = node[1] if _value(node[0].removeprefix("if "), dot, names) else node[2]
            said += _written(chosen, dot, names)
        else:
            variables, _, source = node[0].removeprefix("range ").rpartition(":= ")
            number, item = (name.strip() for name in variables.split(",")) if variables else ("", "")
            for place, one in enumerate(_value(source, dot, names)):
                said += _written(node[1], one, names | {number: place, item: one})
    return said


def _value(text: str, dot: Any, names: dict[str, Any]) -> Any:
    words = _WORD.findall(text)
    assert "".join(words) == re.sub(r"\s+", "", text) or '"' in text, text
    value, rest = _expression(words, dot, names)
    assert not rest, f"{text}: {rest}"
    return value


def _expression(words: list[str], dot: Any, names: dict[str, Any]) -> tuple[Any, list[str]]:
    """Return the value of a call of a function, or of a lone operand, up to a closing bracket."""
    first, *rest = words
    operands = []
    function = first if first in ("eq", "and", "or", "json") else None
    rest = rest if function else words
    while rest and rest[0] != ")":
        if rest[0] == "(":
            value, rest = _expression(rest[1:], dot, names)
            assert rest[0] == ")"
            operands.append(value)
            rest = rest[1:]
        else:
            operands.append(_operand(rest[0], dot, names))
            rest = rest[1:]
    match function:
        case "eq":
            return operands[0] == operands[1], rest
        case "and":
            return next((one for one in operands if not one), operands[-1]), rest
        case "or":
            return next((one for one in operands if one), operands[-1]), rest
        case "json":
            text = json.dumps(operands[0], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            for mark in "<>&":
                text = text.replace(mark, f"\\u{ord(mark):04x}")
            return text, rest
    (value,) = operands
    return value, rest


def _operand(word: str, dot: Any, names: dict[str, Any]) -> Any:
    if word.startswith('"'):
        return json.loads(word)
    if word.isdigit():
        return int(word)
    name, *fields = word.split(".")
    value = names[name] if name else dot
    for field in filter(None, fields):
        value = value[field]
    return value
