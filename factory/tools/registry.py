"""The tools that ship with the factory, by name: a closed set, so that no recipe can point at code.

Promise: `run_tool` answers with text or raises `ToolError`. Limits on time and memory around a tool belong to whoever runs it.
"""

from collections.abc import Callable
from typing import Any

from factory.tools import calculator
from factory.tools.errors import ToolError


def run_tool(name: str, arguments: dict[str, Any]) -> str:
    """Carry out one call and return the tool's answer; raise ToolError with the reason when it cannot be carried out."""
    tool = _TOOLS.get(name)
    if tool is None:
        raise ToolError("unknown_tool", f"there is no tool {name!r}; there is: {', '.join(sorted(_TOOLS))}")
    return tool(arguments)


def canonical_arguments(name: str, arguments: dict[str, Any]) -> Any:
    """Return arguments in a form that is equal for calls that say the same in other spacing; unknown tools' arguments come back as they
    are."""
    expression = arguments.get("expression")
    return calculator.canonical(expression) if name == "calculator" and isinstance(expression, str) else arguments


def _calculator(arguments: dict[str, Any]) -> str:
    match arguments:
        case {"expression": str(expression), **others} if not others:
            return calculator.evaluate(expression)
    raise ToolError("bad_arguments", "calculator takes one argument, the string `expression`")


_TOOLS: dict[str, Callable[[dict[str, Any]], str]] = {"calculator": _calculator}

TOOL_NAMES = tuple(sorted(_TOOLS))
