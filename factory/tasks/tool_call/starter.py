"""A recipe of tool calls from a file of a person's tools: what `factory init --tools` writes.

Promise: the recipe validates, the tools file holds the same tools in OpenAI's form, and the Python file has a
function for each tool that does not ship, which `factory.tools.own_file` accepts. What a function does and
which questions there are, nobody can know: the functions raise, and the file of seeds is empty.
"""

import json
from keyword import iskeyword
from pathlib import Path
from typing import Any

from factory.tools.load import read_tool_file
from factory.tools.own_file import require_own_names
from factory.tools.registry import TOOL_NAMES
from factory.tools.spec import ToolSpec

_RECIPE = """\
# Calls of the tools in data/tools.json, made with: factory init --tools {source}
# Write questions into data/seeds.jsonl, one a line:
#   {seed}
{functions}# factory run recipe.yaml -w .
# yaml-language-server: $schema=recipe.schema.json
name: {name}
seed: 7

teacher:
  model: smollm2-135m-instruct
  logprobs: 20
  sampling: {{temperature: 0.5, max_tokens: 256}}

data:
  kind: tool_call
  seeds: data/seeds.jsonl
  tools: data/tools.json
{custom}  count: 100
  examples: 3
  budget: {{requests: 400}}

checks: [schema, execution, finish_reason, degenerate, dedup]
"""
_EXAMPLES = {"string": "...", "integer": 1, "number": 1.5, "boolean": True, "null": None}


def start(file: Path) -> tuple[dict[str, str], list[str]]:
    """Return the files of a workspace by their names, and notes of how the tools were read."""
    tools, notes = read_tool_file(file)
    own = [tool for tool in tools if tool.name not in TOOL_NAMES]
    require_own_names(file, own)
    call = {"name": tools[0].name, "arguments": _example(tools[0].function.parameters)}
    recipe = _RECIPE.format(
        source=file.name.encode("ascii", "backslashreplace").decode(),
        seed=json.dumps({"question": "...", "reference": [[call]]}),
        functions="# and what each tool does into tools.py; then:\n" if own else "# and then:\n",
        name=_recipe_name(file),
        custom="  custom_tools: {python: tools.py}\n" if own else "",
    )
    files = {
        "recipe.yaml": recipe,
        "data/tools.json": json.dumps([tool.model_dump() for tool in tools], indent=2, ensure_ascii=False)
        + "\n",
        "data/seeds.jsonl": "",
    }
    if own:
        files["tools.py"] = "\n\n".join(['"""What the tools do."""\n', *map(_function, own)])
    return files, notes


def _recipe_name(file: Path) -> str:
    name = "".join(char if char.isascii() and char.isalnum() else "-" for char in file.name.split(".")[0])
    return name.strip("-").lower()[:40] or "tools"


def _function(tool: ToolSpec) -> str:
    properties, needed = tool.function.parameters["properties"], tool.function.parameters.get("required", [])
    names = sorted(properties, key=lambda name: name not in needed)
    if all(name.isidentifier() and name.isascii() and not iskeyword(name) for name in names):
        given = ", ".join(name if name in needed else f"{name}=None" for name in names)
    else:
        given = "**arguments"
    return (
        f"def {tool.python_name}({given}):\n"
        f"    {json.dumps(tool.function.description, ensure_ascii=False)}\n"
        f'    raise NotImplementedError("write what {tool.python_name} does")\n'
    )


def _example(schema: Any, depth: int = 0) -> Any:
    """Return a value that has a schema's shape, to be written over."""
    if not isinstance(schema, dict) or depth > 6:
        return "..."
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _example(schema[key][0], depth + 1)
    types = schema.get("type", "object" if "properties" in schema else "string")
    word = types if isinstance(types, str) else types[0]
    if word == "array":
        return [_example(schema.get("items"), depth + 1)]
    if word != "object":
        return schema.get("minimum", _EXAMPLES[word])
    known, needed = schema.get("properties", {}), schema.get("required", [])
    return {name: _example(known.get(name), depth + 1) for name in needed or known}
