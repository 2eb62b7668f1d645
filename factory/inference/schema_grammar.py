"""Grammars of JSON Schemas: what xgrammar makes of one, what of it no grammar can hold, found out without a
model.

Promise: `compile_schema` gives a grammar for every schema that some JSON value fits; it never refuses a text
that keeps the schema's shape because of a keyword that xgrammar takes for something else, and what it leaves
out is named by place and keyword. `examine` does the same in a process of its own, which no schema can take
down with it. What a grammar leaves out is for the check `schema` to judge, after the answer.
"""

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

from factory.tools.schema import ANNOTATIONS, change_parts, join, parts

OPTIONS: dict[str, Any] = {"any_whitespace": False, "separators": (", ", ": ")}
START_SECONDS = 120.0  # of a process that imports torch on a busy machine
# xgrammar 0.2 reads these and does nothing; tests/model/inference/test_schema_grammar.py tries each.
IGNORED = frozenset(
    {
        "not",
        "if",
        "dependentRequired",
        "dependentSchemas",
        "contains",
        "uniqueItems",
    }
)
_LENGTHS = frozenset({"minLength", "maxLength"})
_OF_LISTS = frozenset({"minItems", "maxItems", "uniqueItems", "contains"})
_OF_OBJECTS = frozenset({"minProperties", "maxProperties"})
_CHILD = "from factory.inference.schema_grammar import main; main()"
Grammar = TypeVar("Grammar")


class Kept(NamedTuple):
    """What a grammar holds of a schema. `left_out`: place and keyword of what it does not hold; `fault`: why
    there is no grammar at all."""

    left_out: list[tuple[str, str]]
    fault: str = ""


def compile_schema(schema: dict[str, Any], compile_text: Callable[[str], Grammar]) -> tuple[Grammar, Kept]:
    """Return the grammar of a schema, without the keywords that `compile_text` raises at."""
    plain = flatten(schema)
    left_out = [
        (place, keyword) for place, part in parts(plain) for keyword in part if _is_ignored(part, keyword)
    ]

    def fault(candidate: Any) -> str:
        try:
            compile_text(json.dumps(candidate))
        except RuntimeError as error:
            return str(error).strip().rpartition("\n")[2] or "refused"
        return ""

    if fault(plain):
        plain, dropped = _relaxed(plain, "$", fault)
        left_out += dropped
    return compile_text(json.dumps(plain)), Kept(left_out)


def flatten(schema: Any) -> Any:
    """Return an equal schema in the words that xgrammar enforces: `allOf` joined, what stands beside a union
    within each of its branches, and what a closed list or object leaves free written as free."""
    if not isinstance(schema, dict):
        return schema
    new = change_parts(schema, lambda part, _: flatten(part))
    new = _without_all_of(new) if "allOf" in new else new
    for union in ("anyOf", "oneOf"):
        beside = {key: value for key, value in new.items() if key != union and key not in ANNOTATIONS}
        if union in new and beside and not {"anyOf", "oneOf", "allOf", "not", "if"} & set(beside):
            branches = [join(beside, branch) for branch in new[union]]
            if None not in branches:
                said = {key: new[key] for key in new if key in ANNOTATIONS}
                new = said | {union: [flatten(branch) for branch in branches]}
    return _opened(new)


def _without_all_of(schema: dict[str, Any]) -> dict[str, Any]:
    joined: Any = {key: value for key, value in schema.items() if key != "allOf"}
    for one in schema["allOf"]:
        joined = join(joined, one)
        if not isinstance(joined, dict):
            return schema
    return joined


def _opened(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose free parts are written as free: xgrammar closes a list with a length, but without
    `items`, and an object with `required`, but without `properties`."""
    new = dict(schema)
    if {"unevaluatedItems", "unevaluatedProperties", "patternProperties"} & set(new):
        return new
    if _OF_LISTS & set(new) and not {"items", "prefixItems"} & set(new):
        new["items"] = True
    missing = [name for name in new.get("required", []) if name not in new.get("properties", {})]
    if missing:
        rest = new.get("additionalProperties", True)
        new["properties"] = new.get("properties", {}) | dict.fromkeys(missing, rest)
    if _OF_OBJECTS & set(new) and "properties" not in new:
        new.setdefault("additionalProperties", True)
    return new


def _is_ignored(schema: dict[str, Any], keyword: str) -> bool:
    if keyword == "allOf":
        return len(schema[keyword]) > 1
    if keyword == "oneOf":
        return len(schema[keyword]) > 1 and not _are_apart(schema[keyword])
    if keyword in ("anyOf", "oneOf"):
        return False
    if keyword == "pattern":
        return "(?=" in schema[keyword] or "(?!" in schema[keyword]
    if keyword in _LENGTHS:
        return "pattern" in schema
    return keyword in IGNORED and schema[keyword] is not False


def _are_apart(branches: list[Any]) -> bool:
    """Whether no value fits two branches, as far as their types tell."""
    types = [branch.get("type") if isinstance(branch, dict) else None for branch in branches]
    words = ["number" if word == "integer" else word for word in types]
    return all(isinstance(word, str) for word in words) and len(set(map(str, words))) == len(words)


def _relaxed(schema: Any, place: str, fault: Callable[[Any], str]) -> tuple[Any, list[tuple[str, str]]]:
    """Return a schema without the innermost keywords that have no grammar, and those."""
    dropped: list[tuple[str, str]] = []
    if not isinstance(schema, dict):
        return True, [(place, "false")]

    def mended(part: Any, step: str) -> Any:
        if not fault(part):
            return part
        new, some = _relaxed(part, place + step, fault)
        dropped.extend(some)
        return new

    schema = change_parts(schema, mended)
    keywords = [key for key in schema if key not in ANNOTATIONS and key != "type"]
    while fault(schema) and keywords:
        to_blame = next((key for key in keywords if not fault(_without(schema, key))), keywords[-1])
        keywords.remove(to_blame)
        schema = _without(schema, to_blame)
        dropped.append((place, to_blame))
    return (schema, dropped) if not fault(schema) else (True, [*dropped, (place, "type")])


def _without(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != keyword}


def examine(schemas: dict[str, dict[str, Any]], seconds: float | None = None) -> dict[str, Kept]:
    """Return what a grammar holds of each schema; nothing where xgrammar is not installed. After so many
    `seconds` no other is begun, and those that were not are left out."""
    return dict(_examined(json.dumps({"schemas": schemas, "seconds": seconds})))


@cache
def _examined(text: str) -> tuple[tuple[str, Kept], ...]:
    asked = json.loads(text)
    names = list(asked["schemas"])
    found: dict[str, Kept] = {}
    why = "its grammar takes too long"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD], input=text, capture_output=True, text=True, timeout=START_SECONDS
        )
        output, why = done.stdout, f"the compiler of grammars ended with exit code {done.returncode}"
    except subprocess.TimeoutExpired as error:
        output = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
    lines = output.splitlines()
    if lines[:1] != ["ready"]:
        return ()
    for line in lines[1:]:
        if line == "late":
            break
        name, left_out, fault = json.loads(line)
        found[name] = Kept([(place, keyword) for place, keyword in left_out], fault)
    unanswered = next((name for name in names if name not in found), None)
    if unanswered is not None and not (asked["seconds"] and lines[-1] == "late"):
        found[unanswered] = Kept([], why)
    return tuple(found.items())


def main() -> None:
    """Examine the schemas on standard input; print `ready` and a JSON line for each, `late` where the time is
    up before all were begun."""
    from xgrammar import Grammar

    asked = json.load(sys.stdin)
    print("ready", flush=True)
    end = math.inf if asked["seconds"] is None else time.monotonic() + asked["seconds"]
    for name, schema in asked["schemas"].items():
        if time.monotonic() > end:
            print("late", flush=True)
            break
        try:
            _, kept = compile_schema(schema, lambda text: Grammar.from_json_schema(text, **OPTIONS))
        except (RuntimeError, RecursionError) as error:
            kept = Kept([], str(error).strip().rpartition(": ")[2])
        print(json.dumps([name, kept.left_out, kept.fault]), flush=True)


if __name__ == "__main__":
    main()
