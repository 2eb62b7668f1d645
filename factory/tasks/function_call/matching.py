"""Whether calls are the right ones, by the rules of BFCL's AST checker: argument by argument, against the
allowed values of each.

Promise: `are_right` says of calls in Python's categories what `ast_checker` of bfcl-eval 2026.3.23 says
(`python -m bench.bfcl` compares them), its liberties included: a string counts without case, spaces and
`,./-_*^`; an integer is a float where one is asked for; the order of calls is free, and each possible answer
takes the first call that fits it. `""` among allowed values says that the argument may be left out. A
reference without allowed values has one for each argument, and an argument's default may be written or left
out. Not promised: that a value's pattern or limits are kept; the check `schema` sees to that.

Source: Patil et al., "The Berkeley Function Calling Leaderboard", ICML 2025.
"""

import json
import re
from typing import Any, NamedTuple

from factory.tasks.tool_call.reference import Call
from factory.tools.spec import ToolSpec

Schema = dict[str, Any]
_OPTIONAL = ""
_UNHEARD = re.compile(r"[ ,./\-_*^]")
_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
}


class Answer(NamedTuple):
    """One possible answer: a function, the allowed values of each argument."""

    name: str
    allowed: dict[str, list[Any]]


def possible_answers(reference: str, tools: tuple[ToolSpec, ...]) -> list[Answer]:
    """Return what a reference allows, in order; nothing where no call is right."""
    value = json.loads(reference)
    if value and isinstance(value[0], dict):
        return [Answer(call["name"], call["allowed"]) for call in value]
    by_name = {tool.name: tool.function.parameters for tool in tools}
    return [Answer(call["name"], _allowed(call, by_name[call["name"]])) for step in value for call in step]


def plain_calls(reference: str) -> list[Call] | None:
    """Return the calls that a reference writes out; None where it has allowed values instead."""
    value = json.loads(reference)
    if value and isinstance(value[0], dict):
        return None
    return [call for step in value for call in step]


def are_right(calls: list[Call], reference: str, tools: tuple[ToolSpec, ...]) -> bool:
    """Return whether calls, each {"name", "arguments"}, are those of a reference."""
    answers, left = possible_answers(reference, tools), list(calls)
    if len(answers) != len(left):
        return False
    by_name = {tool.name: tool.function.parameters for tool in tools}
    for answer in answers:
        place = next(
            (place for place, call in enumerate(left) if _fits(call, answer, by_name[answer.name])), None
        )
        if place is None:
            return False
        del left[place]
    return True


def normal_form(calls: list[Call], tools: tuple[ToolSpec, ...]) -> list[Any]:
    """Return calls in a form that is equal for those that say the same: for a vote, where no reference is
    known."""
    defaults = {
        tool.name: {
            name: part["default"]
            for name, part in tool.function.parameters.get("properties", {}).items()
            if isinstance(part, dict) and "default" in part
        }
        for tool in tools
    }
    told = [[call["name"], _plain(defaults.get(call["name"], {}) | call["arguments"])] for call in calls]
    return sorted(told, key=lambda call: json.dumps(call, sort_keys=True))


def _allowed(call: Call, schema: Schema) -> dict[str, list[Any]]:
    """Return the allowed values that one call stands for."""
    allowed: dict[str, list[Any]] = {}
    for name, part in schema.get("properties", {}).items():
        part = part if isinstance(part, dict) else {}
        default = [part["default"]] if "default" in part else []
        given = [call["arguments"][name]] if name in call["arguments"] else default
        optional = name not in call["arguments"] or given == default
        if given:
            values = [_choices(value, part) for value in given]
            allowed[name] = [*values, _OPTIONAL] if optional and _OPTIONAL not in values else values
    others = {name: [value] for name, value in call["arguments"].items() if name not in allowed}
    return allowed | others


def _choices(value: Any, schema: Schema) -> Any:
    """Return a value as an allowed one: an object holds lists of allowed values in its turn."""
    kind = _type(schema)
    if kind is dict and isinstance(value, dict):
        return {name: [part] for name, part in value.items()}
    if kind is list and isinstance(value, list) and _item_type(schema) is dict:
        return [
            {name: [part] for name, part in item.items()} if isinstance(item, dict) else item
            for item in value
        ]
    return value


def _fits(call: Call, answer: Answer, schema: Schema) -> bool:
    arguments, known = call["arguments"], schema.get("properties", {})
    if call["name"] != answer.name or any(name not in arguments for name in schema.get("required", [])):
        return False
    if any(name not in known or name not in answer.allowed for name in arguments):
        return False
    if not all(
        _is_allowed(value, answer.allowed[name], known[name] if isinstance(known[name], dict) else {})
        for name, value in arguments.items()
    ):
        return False
    return all(name in arguments or _OPTIONAL in values for name, values in answer.allowed.items())


def _is_allowed(value: Any, allowed: list[Any], schema: Schema) -> bool:
    """Return whether a value has the type that is asked for, or else that of what is allowed, and is one of
    the allowed ones."""
    wanted, item = _type(schema), _item_type(schema)
    if wanted is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            return False
    usual = _usual_type(allowed)
    stands_for_another = usual is not None and usual is not wanted
    if type(value) is not wanted:
        # A variable's name, as in code, or a reference that goes against its schema.
        return type(value) is usual and value in allowed
    if item is not None and not any(_has_items(value, one, item) for one in allowed):
        return False
    if stands_for_another:
        return value in allowed
    if wanted is dict:
        return any(_is_object(value, one) for one in allowed)
    if wanted is list and item is dict:
        return any(_are_objects(value, one) for one in allowed)
    if wanted is str:
        return _heard(value) in [_heard(one) for one in allowed if isinstance(one, str)]
    if wanted is list:
        # An allowed "" is a list without items here.
        return _heard_items(value) in [_heard_items(one) for one in allowed if isinstance(one, list | str)]
    return value in allowed


def _type(schema: Schema) -> type:
    # What is not said is read as text.
    said = schema.get("type")
    words = [word for word in said if word != "null"] if isinstance(said, list) else [said]
    return _TYPES.get(words[0], str) if words and isinstance(words[0], str) else str


def _item_type(schema: Schema) -> type | None:
    items = schema.get("items")
    return _type(items) if _type(schema) is list and isinstance(items, dict) else None


def _usual_type(allowed: list[Any]) -> type | None:
    return next((type(one) for one in allowed if one != _OPTIONAL), None)


def _has_items(value: Any, allowed: Any, item: type) -> bool:
    if not isinstance(allowed, list):
        return True
    usual = _usual_type(allowed)
    return all(type(part) is item or type(part) is usual for part in value)


def _is_object(value: Any, allowed: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(allowed, dict):
        return False
    return all(
        name in allowed and _heard(part) in _heard_items(allowed[name]) for name, part in value.items()
    ) and all(name in value or _OPTIONAL in _listed(values) for name, values in allowed.items())


def _are_objects(value: Any, allowed: Any) -> bool:
    if not isinstance(allowed, list | str) or len(value) != len(allowed):
        return False
    return all(_is_object(part, one) for part, one in zip(value, allowed, strict=True))


def _heard(value: Any) -> Any:
    return _UNHEARD.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value


def _heard_items(values: Any) -> list[Any]:
    return [_heard(value) for value in _listed(values)]


def _listed(values: Any) -> Any:
    return values if isinstance(values, list | str) else ()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else _heard(value)
