"""Stores to export from: samples of every kind, made from a few seeds. What is said in them is invented."""

import json
from pathlib import Path
from typing import Any

from factory.export.export import Exported, Order, export
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.sample_rows import CHECKS, Rows, finished, generation, make_workspace

TOOL = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Counts.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}


def call_messages(question: str, arguments: dict[str, Any], result: str = "168") -> list[dict[str, Any]]:
    """Return a conversation with one call."""
    function = {"name": "calculator", "arguments": json.dumps(arguments, ensure_ascii=False)}
    return [
        {"role": "user", "content": question},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": result},
        {"role": "assistant", "content": f"The answer is {result}."},
    ]


def said_messages(question: str, answer: str) -> list[dict[str, Any]]:
    """Return a question and its answer."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def sample(place: int, seed: str, **changed: Any) -> dict[str, Any]:
    """Return one row of `samples`, with the number of its question in it."""
    question = f"How much is {place} times 12?"
    return {
        "sample_id": f"b2:sample{place}", "request_key": f"b2:key{place}", "seed_id": seed,
        "task_id": f"b2:task{place}",
        "kind": "tool_call", "language": "en", "question": question, "reference": f"{place} * 12",
        "messages": call_messages(question, {"expression": f"{place} * 12"}, str(place * 12)),
        "tools": [TOOL],
        "call": {"name": "calculator"}, "fault": None, "result": str(place * 12), "rationale": None,
        "answer": f"It is {place * 12}.",
        "dedup_key": f"b2:content{place}", "parents": [seed],
    } | changed  # fmt: skip


def rationale_sample(place: int, seed: str, **changed: Any) -> dict[str, Any]:
    """Return one row of `samples` of the kind rationale."""
    question, answer = f"Ann has {place} jars of 12 plums. How many plums?", str(place * 12)
    reasoning = f"{place} times 12 is {answer}."
    said = {
        "kind": "rationale", "question": question, "tools": [], "call": None, "result": None,
        "rationale": reasoning, "answer": answer,
        "messages": said_messages(question, f"{reasoning}\nAnswer: {answer}"),
    }  # fmt: skip
    return sample(place, seed, **said | changed)


def instruction_sample(place: int, seed: str, **changed: Any) -> dict[str, Any]:
    """Return one row of `samples` of the kind instruction, with an input."""
    question, given, answer = "Name a colour of this.", f"Jar {place} of plums", "Blue."
    said = {
        "kind": "instruction", "question": question, "input": given, "tools": [], "call": None,
        "result": None, "answer": answer,
        "messages": said_messages(f"{question}\n\n{given}", answer),
    }  # fmt: skip
    return sample(place, seed, **said | changed)


def store_rows(samples: list[dict[str, Any]], *, rejected: int = 0, **run: Any) -> Rows:
    """Return the rows of a store that holds the samples, of which the last `rejected` failed a check."""
    rows = {name: [] for name in finished()} | {
        "runs": [finished()["runs"][0] | {"target_count": None} | run]
    }
    for seed in dict.fromkeys(one["seed_id"] for one in samples):
        rows["seeds"].append(
            {
                "seed_id": seed, "name": f"name of {seed}", "language": "en", "family": "product",
                "question": "?", "reference": "1",
                "source": "seeds.jsonl", "line": 1,
            }
        )  # fmt: skip
    for place, one in enumerate(samples):
        about = {
            name: one[name]
            for name in ("request_key", "seed_id", "task_id", "language", "question", "reference")
        }
        rows["plan_items"].append({"plan_id": "b2:plan", "position": place, "draw": 0} | about)
        rows["generations"].append(
            generation(one["request_key"], parameters={"temperature": 0.8, "seed": place, "draw": 0})
        )
        rows["samples"].append(one)
        for check in CHECKS:
            failed = check == CHECKS[-1] and place >= len(samples) - rejected
            verdict = {
                "sample_id": one["sample_id"],
                "check_key": check,
                "check_name": check[:-2],
                "score": None,
                "detail": None,
            }
            rows["verdicts"].append(
                verdict | {"passed": not failed, "reason": "wrong_result" if failed else "ok"}
            )
    return rows


def make_store(root: Path, samples: list[dict[str, Any]], **options: Any) -> Workspace:
    """Make a workspace whose store holds the samples."""
    return make_workspace(root, store_rows(samples, **options))


def many(count: int, seeds: int) -> list[dict[str, Any]]:
    """Return `count` samples, made from the seeds in turn."""
    return [sample(place, f"b2:seed{place % seeds}") for place in range(count)]


def export_to(workspace: Workspace, target: Path, format: str = "jsonl", **order: Any) -> Exported:
    """Export as the command does."""
    return export(workspace, Order(target, format, **order), Progress())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file; only a line feed ends a line."""
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]
