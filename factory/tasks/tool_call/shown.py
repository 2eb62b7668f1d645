"""Tools as the teacher's prompt shows them: each with what its arguments mean, where their names do not say
it all.

Promise: the tools that ship, and those whose arguments are a bare text, number or truth value each, are shown
by the names of their arguments alone, as they always were: prompts go into ids. Every other tool is shown
with its whole schema: types, descriptions, lists of values, defaults, arguments of any name or of several
shapes. Whoever wrote a template of their own decides there what is shown.
"""

import json
from pathlib import Path
from typing import Any

from factory.text.templates import render
from factory.tools.registry import TOOL_NAMES
from factory.tools.spec import ToolSpec

ARGUMENTS = "tool_call_arguments.j2"
_BARE: tuple[Any, ...] = (
    True,
    {},
    *({"type": word} for word in ("string", "integer", "number", "boolean")),
)
_UNSAID = ("$schema", "$id", "$comment")
# Arguments that no name stands for: of any name, by a pattern, or of several shapes.
_UNNAMED = ("patternProperties", "propertyNames", "anyOf", "oneOf", "allOf", "if", "minProperties")


def shown_tools(tools: list[ToolSpec], main: str, own: Path | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the tools for the template `main`, and the names of the other templates that were needed."""
    shown = [tool.model_dump() for tool in tools]
    for tool in shown:
        tool["function"]["parameters"].setdefault("properties", {})
    meant = [] if own is not None and (own / main).is_file() else [tool for tool in tools if says_more(tool)]
    for spec in meant:
        shown[tools.index(spec)]["function"]["description"] = describe(spec, own)
    return shown, [ARGUMENTS] if meant else []


def says_more(tool: ToolSpec) -> bool:
    """Return whether the names of a tool's arguments leave something of its schema unsaid."""
    schema = tool.function.parameters
    unnamed = isinstance(schema.get("additionalProperties"), dict) or any(key in schema for key in _UNNAMED)
    named = any(part not in _BARE for part in schema.get("properties", {}).values())
    return tool.name not in TOOL_NAMES and (named or unnamed)


def describe(tool: ToolSpec, own: Path | None = None) -> str:
    """Return a tool's description with the schema of its arguments."""
    schema = {key: value for key, value in tool.function.parameters.items() if key not in _UNSAID}
    written = json.dumps(schema, ensure_ascii=False)
    return render(ARGUMENTS, own, description=tool.function.description, schema=written)
