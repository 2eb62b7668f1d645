"""Is the data right? Three datasets are made with a teacher, exported, and proved by means that the factory
does not use itself.

python -m bench.data_quality --teacher PATH [--count 300] [--keep FOLDER]

The recipes are `pipelines/rationale.yaml`, `tools.yaml` and `instruction.yaml`, with the teacher and the
count exchanged; the command line makes and exports each. What is proved then, of the exported rows alone:

* rationales: the reference of the row's seed is worked out again from the seed file, as fractions, with the
  numbers of the row's question put where the seed's numbers stand; the row's final answer has to be that
  number. A seed without an expression is asked as it is, and its answer has to be the file's.
* tool calls: every call in the conversation is executed again; the result has to be the stored one, to the
  character.
* instructions: ROUGE-L of every pair, by brute force; counted are the pairs above 0.7.

With --keep the workspaces stay, and a second run goes on from them. Prints what is made, then one JSON
object.
"""

import argparse
import ast
import itertools
import json
import operator
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from rapidfuzz.distance import LCSseq

from factory.tools.registry import run_tool
from tests.support.rouge import tokens

ROOT = Path(__file__).parents[1]
RECIPES = {"rationales": "rationale", "tool_calls": "tools", "instructions": "instruction"}
ROUGE = 0.7
NUMBER = re.compile(r"\d+(?:\.\d+)?")
OPERATORS: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--teacher", required=True, help="a model folder, a bundled name or a Hugging Face id"
    )
    parser.add_argument("--count", type=int, default=300, help="accepted samples of each kind")
    parser.add_argument("--only", choices=RECIPES, help="one kind alone")
    parser.add_argument("--keep", type=Path, help="a folder for the workspaces")
    arguments = parser.parse_args()
    measured: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        for what in [arguments.only] if arguments.only else RECIPES:
            # Some questions need no tool, and have no call to prove.
            count = arguments.count * 4 // 3 if what == "tool_calls" else arguments.count
            rows = _made(RECIPES[what], arguments.teacher, count, folder)
            measured |= PROOFS[what](rows)
    print(json.dumps(measured))


def _made(recipe: str, teacher: str, count: int, folder: Path) -> list[dict[str, Any]]:
    text = (ROOT / "pipelines" / f"{recipe}.yaml").read_text(encoding="utf-8")
    model = teacher if not Path(teacher).is_dir() else str(Path(teacher).absolute())
    text = re.sub(r"^  model: .*$", f"  model: {model}", text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^  count: .*$", f"  count: {count}", text, count=1, flags=re.MULTILINE)
    # No budget: the question is how good the rows are, not what they cost.
    text = re.sub(r"^  budget:.*\n", "", text, flags=re.MULTILINE)
    workspace, written = folder / recipe, folder / f"{recipe}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    written.write_text(text.replace(" data/", f" {ROOT}/data/"), encoding="utf-8")
    _factory("generate", str(written), "-w", str(workspace))
    exported = folder / f"{recipe}.jsonl"
    _factory("export", "-w", str(workspace), "--format", "jsonl", "-o", str(exported), "--force")
    with exported.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _factory(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "factory.cli.main", *arguments], cwd=ROOT, check=True, stdout=sys.stderr
    )


def prove_rationales(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Work every final answer out again."""
    seeds = _seeds("reasoning")
    # One sample may have a row for each of its two tasks.
    samples = {row["sample_id"]: row for row in rows}.values()
    right = 0
    for row in samples:
        seed = seeds[row["seed"]]
        wanted = _reference(seed, row["question"])
        if _answer_is(row["answer"], wanted):
            right += 1
        else:
            print(f"not right: {row['question']!r}: {row['answer']!r}, worked out: {wanted}", file=sys.stderr)
    return {"rationales": len(samples), "rationales_right": right}


def _seeds(name: str) -> dict[str, dict[str, Any]]:
    lines = (ROOT / "data" / "seeds" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return {seed["id"]: seed for seed in map(json.loads, lines)}


def _reference(seed: dict[str, Any], question: str) -> Fraction | str:
    if question == seed["question"]:
        given = seed["reference"]
        return Fraction(given) if NUMBER.fullmatch(given.lstrip("-")) else str(given)
    old, new = NUMBER.findall(seed["question"]), NUMBER.findall(question)
    assert len(old) == len(new), f"{seed['id']} asks for other numbers than {question!r}"
    exchanged = dict(zip(old, new, strict=True))
    return _value(
        ast.parse(
            NUMBER.sub(lambda match: exchanged.get(match[0], match[0]), seed["expression"]), mode="eval"
        ).body
    )


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float()):
            return Fraction(str(node.value))
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand)
        case ast.BinOp():
            return Fraction(OPERATORS[type(node.op)](_value(node.left), _value(node.right)))
    raise ValueError(ast.dump(node))


def _answer_is(answer: str, wanted: Fraction | str) -> bool:
    if isinstance(wanted, str):
        return re.findall(r"\w+", answer.casefold()) == re.findall(r"\w+", wanted.casefold())
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", answer.replace("−", "-"))
    if share := re.search(r"(\d+)\s*/\s*(\d+)", plain):
        return Fraction(int(share[1]), int(share[2])) == abs(wanted)
    numbers = re.findall(r"-?\d+(?:\.\d+)?", plain)
    # A result with many decimals is compared as far as it is written.
    near = Fraction(1, 10**9) * max(Fraction(1), abs(wanted))
    return len(numbers) == 1 and abs(Fraction(numbers[0]) - wanted) <= near


def prove_tool_calls(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Execute every call again; a row without a call has nothing to prove and is not counted."""
    right = calling = 0
    for row in rows:
        results = {
            message["tool_call_id"]: message["content"]
            for message in row["messages"]
            if message["role"] == "tool"
        }
        calls = [call for message in row["messages"] for call in message.get("tool_calls") or []]
        calling += bool(calls)
        again = {
            call["id"]: run_tool(call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in calls
        }
        right += bool(calls) and again == results
    return {"tool_calls": calling, "tool_calls_right": right}


def prove_instructions(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Compare every pair."""
    said = [tokens(row["instruction"]) for row in rows]
    pairs = itertools.combinations(filter(None, said), 2)
    above = sum(2 * LCSseq.similarity(one, other) > ROUGE * (len(one) + len(other)) for one, other in pairs)
    return {"instructions": len(rows), "rouge_pairs_above": above}


PROOFS = {"rationales": prove_rationales, "tool_calls": prove_tool_calls, "instructions": prove_instructions}

if __name__ == "__main__":
    main()
