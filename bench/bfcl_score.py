"""Our score of function calls against the checker of the Berkeley Function Calling Leaderboard.

pip download --no-deps bfcl-eval, unpack it outside of the repository, and

python -m bench.bfcl_score FOLDER

where FOLDER holds `bfcl_eval`. The checker is read from there and nothing of it is kept; the table of models
that it imports is stood in for. For each task of simple_python, multiple and parallel a reference answer is
made, then bent in many ways: other values, other types, arguments and calls more or less, other order; each
answer is judged by `factory.tasks.function_call.matching` and by `ast_checker`. Prints each difference, how
many answers of each way are right and, as the last line, JSON: tasks, ways, answers, right ones, those at
which the checker raises (counted as wrong there), differences.
"""

import argparse
import copy
import importlib
import json
import random
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from factory.seeds.load import load_seeds
from factory.seeds.offered import read_tools_text
from factory.tasks.function_call.matching import are_right
from factory.tasks.kinds import seed_formats
from factory.tools.load import allowed_name

CATEGORIES = ("simple_python", "multiple", "parallel")
Call = dict[str, Any]
Calls = list[Call]
Judge = Callable[..., dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--categories", nargs="+", default=list(CATEGORIES))
    arguments = parser.parse_args()
    judge, python = _checker(arguments.folder)
    data = next(path.parent for path in sorted(arguments.folder.rglob("BFCL_v4_simple_python.json")))
    counts: Counter[str] = Counter()
    right: Counter[str] = Counter()
    tasks = different = raised = 0
    for category in arguments.categories:
        file = data / f"BFCL_v4_{category}.json"
        seeds = load_seeds(file, seed_formats("function_call"))
        rows = {row["id"]: row for row in _rows(file)}
        answers = {row["id"]: row["ground_truth"] for row in _rows(data / "possible_answer" / file.name)}
        for fault in seeds.faults:
            print(f"not read: {fault}")
        for seed in seeds.seeds:
            tasks += 1
            row, answer = rows[seed.name], answers[seed.name]
            names = {allowed_name(tool["name"]): tool["name"] for tool in row["function"]}
            for how, calls in _bent(answer, row["function"], random.Random(seed.name)):
                counts[how] += 1
                ours = are_right(calls, seed.reference, read_tools_text(seed.tools))
                theirs = _judged(judge, python, row["function"], calls, names, answer, category)
                right[how] += ours
                if theirs is None:
                    raised, theirs = raised + 1, False
                if ours != theirs:
                    different += 1
                    print(f"{seed.name}, {how}: ours {ours}, theirs {theirs}: {json.dumps(calls)[:300]}")
    for how, count in counts.items():
        print(f"{how}: {right[how]} of {count} right")
    result = {
        "tasks": tasks,
        "ways": len(counts),
        "answers": counts.total(),
        "right": right.total(),
        "checker_raised": raised,
        "differences": different,
    }
    print(json.dumps(result))


def _checker(folder: Path) -> tuple[Judge, Any]:
    """Return `ast_checker` and its language Python; models and their handlers are stood in for."""
    root = next((path.parent for path in sorted(folder.rglob("bfcl_eval")) if path.is_dir()), folder.parent)
    sys.path.insert(0, str(root))
    models = types.ModuleType("bfcl_eval.constants.model_config")
    plain = types.SimpleNamespace(underscore_to_dot=False)
    vars(models)["MODEL_CONFIG_MAPPING"] = {"any": plain}
    sys.modules[models.__name__] = models
    checker = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker")
    enums = importlib.import_module("bfcl_eval.constants.enums")
    return checker.ast_checker, enums.Language.PYTHON


def _judged(
    judge: Judge, python: Any, tools: Any, calls: Calls, names: dict[str, str], answer: Any, category: str
) -> bool | None:
    """Return the checker's verdict, None where it raises: an answer that it cannot judge is not right."""
    output = [{names.get(call["name"], call["name"]): copy.deepcopy(call["arguments"])} for call in calls]
    try:
        return bool(judge(tools, output, copy.deepcopy(answer), python, category, "any")["valid"])
    except (TypeError, KeyError, AttributeError, IndexError, OverflowError):
        return None


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _bent(answer: list[Any], tools: list[Any], chance: random.Random) -> Iterator[tuple[str, Calls]]:
    """Yield answers with how they are bent, the first as it should be."""
    first = _reference(answer, 0)
    yield "first allowed", first
    yield "last allowed", _reference(answer, -1)
    yield "optional left out", _reference(answer, 0, optional=False)
    yield "no call", []
    yield "a call more", [*first, first[0]]
    yield "a call less", first[:-1]
    yield "other order", first[::-1]
    yield "shuffled", chance.sample(first, len(first))
    yield "another function", [{**first[0], "name": f"{first[0]['name']}x"}, *first[1:]]
    yield "another tool", [{**first[0], "name": allowed_name(tools[-1]["name"])}, *first[1:]]
    yield "an argument more", _changed(first, 0, {**first[0]["arguments"], "surplus": 1})
    optional = {name: "x" for tool in tools for name in tool["parameters"]["properties"]}
    yield "all arguments of all tools", _changed(first, 0, optional | first[0]["arguments"])
    for place, call in enumerate(first):
        for name, value in call["arguments"].items():
            rest = {other: kept for other, kept in call["arguments"].items() if other != name}
            yield "an argument less", _changed(first, place, rest)
            for how, bent in _bent_value(value):
                yield how, _changed(first, place, call["arguments"] | {name: bent})


def _changed(calls: Calls, place: int, arguments: dict[str, Any]) -> Calls:
    return [
        {**call, "arguments": arguments} if number == place else call for number, call in enumerate(calls)
    ]


def _reference(answer: list[Any], choice: int, *, optional: bool = True) -> Calls:
    """Return calls that the possible answers allow, the first or the last choice of each argument."""
    return [
        {"name": allowed_name(name), "arguments": _chosen(allowed, choice, optional)}
        for function in answer
        for name, allowed in function.items()
    ]


def _chosen(allowed: dict[str, Any], choice: int, optional: bool) -> dict[str, Any]:
    chosen = {}
    for name, values in allowed.items():
        if "" in values and not optional:
            continue
        if real := [value for value in values if value != ""]:
            chosen[name] = _whole(real[choice], choice, optional)
    return chosen


def _whole(value: Any, choice: int, optional: bool) -> Any:
    """Return an allowed value; objects hold lists of allowed values in their turn."""
    if isinstance(value, dict):
        lists = all(isinstance(part, list) for part in value.values())
        return _chosen(value, choice, optional) if lists else value
    return [_whole(part, choice, optional) for part in value] if isinstance(value, list) else value


def _bent_value(value: Any) -> Iterator[tuple[str, Any]]:
    yield "null", None
    yield "text of it", str(value)
    yield "empty text", ""
    yield "in a list", [value]
    yield "in an object", {"value": value}
    if isinstance(value, bool):
        yield "other truth", not value
        yield "truth as number", int(value)
    elif isinstance(value, int | float):
        yield "next number", value + 1
        yield "negative", -value
        yield "as a float", float(value)
        yield "as an integer", int(value)
        yield "as truth", bool(value)
        yield "huge", 10**400
    elif isinstance(value, str):
        yield "capitals", value.upper()
        yield "small letters", value.lower()
        yield "no spaces", value.replace(" ", "")
        yield "punctuation", f"{value}.,/-_*^ "
        yield "other punctuation", f"{value}!"
        yield "quotes", value.replace('"', "'") + "'"
        yield "other text", f"other {value}"
        yield "half of it", value[: len(value) // 2]
    elif isinstance(value, list):
        yield "no items", []
        yield "backwards", value[::-1]
        yield "an item more", [*value, *value[:1]]
        yield "an item less", value[:-1]
        yield "an item null", [None, *value[1:]]
        for place, part in enumerate(value[:3]):
            for how, bent in _bent_value(part):
                yield f"item: {how}", [*value[:place], bent, *value[place + 1 :]]
    elif isinstance(value, dict):
        yield "no keys", {}
        yield "a key more", {**value, "surplus": 1}
        for name, part in value.items():
            yield "a key less", {other: kept for other, kept in value.items() if other != name}
            for how, bent in _bent_value(part):
                yield f"key: {how}", {**value, name: bent}


if __name__ == "__main__":
    main()
