"""The tools that ship with the factory, by name: a closed set, so that no recipe can point at code.

Promise: `run_tool` answers with text or raises `ToolError`; nothing is read or written because of an
argument. Every tool bounds its own work, so none needs a process of its own. A person's own tools are not
here: `sandbox` runs them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from factory.tools import (
    calculator,
    date_calculator,
    table_lookup,
    text_tool,
    train_timetable,
    unit_converter,
)
from factory.tools.arguments import plain_numbers
from factory.tools.errors import ToolError

RunTool = Callable[[str, dict[str, Any]], str]


class Tool(NamedTuple):
    """How a tool is carried out, and the form of its arguments that is equal for calls that say the same."""

    run: Callable[[dict[str, Any]], str]
    canonical: Callable[[dict[str, Any]], Any]


def run_tool(name: str, arguments: dict[str, Any]) -> str:
    """Carry out one call and return the tool's answer; raise ToolError with the reason when it cannot be
    carried out."""
    tool = _TOOLS.get(name)
    if tool is None:
        raise ToolError("unknown_tool", f"there is no tool {name!r}; there is: {', '.join(TOOL_NAMES)}")
    return tool.run(arguments)


def canonical_arguments(name: str, arguments: dict[str, Any]) -> Any:
    """Return arguments in a form that is equal for calls that say the same (5.0 and 5, other spacing, a
    default left out or written).

    Arguments that the tool would refuse, and those of unknown tools, come back with their numbers made plain.
    The order of keys never matters to `content_id`.
    """
    tool = _TOOLS.get(name)
    return tool.canonical(arguments) if tool else plain_numbers(arguments)


def _calculator(arguments: dict[str, Any]) -> str:
    match arguments:
        case {"expression": str(expression), **others} if not others:
            return calculator.evaluate(expression)
    raise ToolError("bad_arguments", "calculator takes one argument, the string `expression`")


def _canonical_expression(arguments: dict[str, Any]) -> Any:
    # The expression alone: content ids of samples that are in stores already were made of it.
    expression = arguments.get("expression")
    return calculator.canonical(expression) if isinstance(expression, str) else arguments


_TOOLS = {
    "calculator": Tool(_calculator, _canonical_expression),
    "date_calculator": Tool(date_calculator.run, date_calculator.canonical),
    "table_lookup": Tool(table_lookup.run, table_lookup.canonical),
    "text_tool": Tool(text_tool.run, text_tool.canonical),
    "train_timetable": Tool(train_timetable.run, train_timetable.canonical),
    "unit_converter": Tool(unit_converter.run, unit_converter.canonical),
}

TOOL_NAMES = tuple(sorted(_TOOLS))
