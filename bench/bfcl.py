"""The tools of the Berkeley Function Calling Leaderboard through the doors that a person's own tools take.

pip download --no-deps bfcl-eval, unpack it outside of the repository, and

python -m bench.bfcl FOLDER

where FOLDER holds its `data`. Every list of tools of the Python categories is read as a tools file is, shown
as the teacher's prompt shows it, and its schemas are compiled to grammars; a call that the possible answers
allow has to pass the check of the form, and the grammar has to take its text. Prints each exception with its
reason and, as the last line, JSON: categories, lists, tools, distinct schemas, references, keywords that no
grammar holds, the exceptions by reason.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from factory.inference.schema_grammar import OPTIONS, compile_schema
from factory.tasks.tool_call.call import CallFault, call_schema, parse_call
from factory.tasks.tool_call.shown import shown_tools
from factory.tasks.tool_call.taskset import SYSTEM
from factory.text.templates import render
from factory.tools.load import allowed_name, read_tools
from factory.tools.shapes import unwrap
from factory.tools.spec import ToolSpec

PYTHON = (
    "simple_python",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
    "live_relevance",
)
DOCUMENTED = "multi_turn_func_doc"  # the tools of conversations, memory and search: no single calls to try
LONGEST_SHOWN = 200


class Problem(NamedTuple):
    """What did not go as it should, with the list and the tool."""

    reason: str
    place: str
    detail: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    data = _data(parser.parse_args().folder)
    problems: list[Problem] = []
    schemas: dict[str, Any] = {}
    lists = tools = references = 0
    left_out: Counter[str] = Counter()
    for place, entries, answers in _lists(data):
        specs, faults, _ = read_tools(entries)
        problems += [Problem("not read", place, fault) for fault in faults]
        lists, tools = lists + 1, tools + len(entries)
        problems += _shown(place, specs)
        for spec in specs:
            key = json.dumps(call_schema([spec]))
            if key not in schemas:
                schemas[key], kept = _compiled(spec)
                left_out.update(keyword for _, keyword in kept.left_out)
                problems += [Problem("no grammar", f"{place} {spec.name}", kept.fault)] if kept.fault else []
        for call in answers:
            references += 1
            problems += _called(place, _allowed(call, specs), specs, schemas)
    for problem in problems:
        print(f"{problem.reason}: {problem.place}: {problem.detail[:LONGEST_SHOWN]}")
    counts = Counter(problem.reason for problem in problems)
    result = {
        "categories": len(PYTHON) + 1,
        "lists": lists,
        "tools": tools,
        "distinct": len(schemas),
        "references": references,
        "not_held_by_grammar": dict(left_out),
        "exceptions": dict(counts),
    }
    print(json.dumps(result))


def _data(folder: Path) -> Path:
    for found in (folder, *sorted(folder.rglob("data"))):
        if (found / "BFCL_v4_simple_python.json").is_file():
            return found
    raise SystemExit(f"{folder}: no BFCL_v4_simple_python.json in it, nor in a folder `data` below")


def _lists(data: Path) -> Iterator[tuple[str, list[Any], list[dict[str, Any]]]]:
    """Yield each list of tools with its place, and the calls that answer its question."""
    for category in PYTHON:
        answers = {row["id"]: row["ground_truth"] for row in _rows(data / "possible_answer", category)}
        for row in _rows(data, category):
            yield row["id"], list(unwrap(row)), answers.get(row["id"], [])
    for file in sorted((data / DOCUMENTED).glob("*.json")):
        yield file.name, [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()], []


def _rows(folder: Path, category: str) -> list[dict[str, Any]]:
    file = folder / f"BFCL_v4_{category}.json"
    if not file.is_file():
        return []  # of questions that no tool answers
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _allowed(call: dict[str, dict[str, list[Any]]], specs: list[ToolSpec]) -> dict[str, Any]:
    """Return a call that the answers allow, in the order of the schema."""
    ((name, arguments),) = call.items()
    spec = next((spec for spec in specs if spec.name == allowed_name(name)), None)
    schema = spec.function.parameters if spec else {}
    return {"name": allowed_name(name), "arguments": _chosen(arguments, schema)}


def _chosen(allowed: dict[str, list[Any]], schema: dict[str, Any]) -> dict[str, Any]:
    """Return of each argument the first allowed value that its schema takes, or the first of all; "" among
    them says that it may be left out."""
    properties, needed = schema.get("properties", {}), schema.get("required", [])
    chosen: dict[str, Any] = {}
    known = [name for name in properties if name in allowed]
    for name in [*known, *(name for name in allowed if name not in properties)]:
        part = properties.get(name, {})
        values = [_value(value, part) for value in allowed[name] if value != "" or name in needed]
        fitting = [value for value in values if Draft202012Validator(part).is_valid(value)]
        if fitting or (values and "" not in allowed[name]):
            chosen[name] = (fitting or values)[0]
    return chosen


def _value(value: Any, schema: Any) -> Any:
    # Objects hold lists of allowed values in their turn.
    if isinstance(value, dict) and all(isinstance(part, list) for part in value.values()):
        return _chosen(value, schema)
    items = schema.get("items", {}) if isinstance(schema, dict) else {}
    return [_value(part, items) for part in value] if isinstance(value, list) else value


def _shown(place: str, specs: list[ToolSpec]) -> Iterator[Problem]:
    shown, _ = shown_tools(specs, SYSTEM, None)
    text = render(SYSTEM, tools=shown, declines=False)
    for spec in specs:
        said = [spec.name, spec.function.description, *spec.function.parameters["properties"]]
        if missing := [word for word in said if word not in text]:
            yield Problem("not shown", f"{place} {spec.name}", missing[0])


def _compiled(spec: ToolSpec) -> Any:
    from xgrammar import Grammar

    return compile_schema(call_schema([spec]), lambda text: Grammar.from_json_schema(text, **OPTIONS))


def _called(
    place: str, call: dict[str, Any], specs: list[ToolSpec], schemas: dict[str, Any]
) -> Iterator[Problem]:
    from xgrammar.testing import _is_grammar_accept_string

    spec = next((spec for spec in specs if spec.name == call["name"]), None)
    if spec is None:
        yield Problem("reference to no tool", place, call["name"])
        return
    text = json.dumps(call, ensure_ascii=False)
    try:
        parse_call(text, specs)
    except CallFault as fault:
        yield Problem(f"reference refused: {fault.reason}", place, fault.detail)
        return
    if not _is_grammar_accept_string(schemas[json.dumps(call_schema([spec]))], text):
        yield Problem("reference outside of the grammar", place, text)


if __name__ == "__main__":
    main()
