"""One model in a process of its own: python -m bench.alone RECIPE FOLDER [--examples]. Prints one JSON
object.

`tokens_per_s`: 32 requests at once, the bare held-out questions, 64 new tokens each whatever they say, three
rounds after a warm-up; `precision`: the number format that it ran in. With --examples the model answers all
held-out tasks greedily, asked as the recipe's teacher is, and `right` holds question, reference and outcome
of each.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from factory.context.plan import Plan
from factory.context.run import Run
from factory.evaluate.candidate import Candidate
from factory.evaluate.scorer import scorer, turn
from factory.inference.engine import Engine
from factory.inference.environment import ENVIRONMENT
from factory.inference.request import Answer, Request, Sampling
from factory.recipe import load_recipe
from factory.system.progress import Progress
from factory.tasks.sample import Task
from factory.tasks.scorer import Dialogue
from factory.workspace import Workspace

TOGETHER, TOKENS, ROUNDS, PASSES = 32, 64, 3, 2
ROOT = Path(__file__).parents[1]


def alone(recipe: Path, folder: Path, *options: str) -> dict[str, Any]:
    """Return what this program prints of a model, run in a fresh process."""
    command = [sys.executable, "-m", "bench.alone", str(recipe), str(folder), *options]
    done = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | ENVIRONMENT
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def in_turn(recipe: Path, folders: dict[str, Path]) -> dict[str, float]:
    """Return the tokens/s of each model, one after the other and all of them again: the median of all
    rounds."""
    rates: dict[str, list[float]] = {name: [] for name in folders}
    for number in range(PASSES):
        for name, rounds in rates.items():
            print(f"speed of {name}, pass {number + 1} of {PASSES}", file=sys.stderr, flush=True)
            rounds += alone(recipe, folders[name])["tokens_per_s"]
    return {name: statistics.median(rounds) for name, rounds in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--examples", action="store_true")
    arguments = parser.parse_args()
    context = Plan(
        Run(load_recipe(arguments.recipe), Workspace(arguments.recipe.parent / "alone"), Progress())
    )
    engine = Engine(arguments.folder, max_model_len=2048, concurrency=TOGETHER, kv_cache_gb=1.0)
    tasks = [
        Task(seed.seed_id, seed.language, "", seed.question, seed.reference) for seed in context.held_out
    ]
    found: dict[str, Any] = {
        "precision": engine.precision,
        "tokens_per_s": [_rate(engine, tasks, number) for number in range(ROUNDS + 1)][1:],
    }
    if arguments.examples:
        found["right"] = _right(context, engine, arguments.folder, tasks)
    print(json.dumps(found))


def _rate(engine: Engine, tasks: list[Task], number: int) -> float:
    some = tasks[number * TOGETHER : (number + 1) * TOGETHER]
    requests = [
        Request(
            f"{number} {i}",
            [{"role": "user", "content": task.question}],
            Sampling(0.0, 1.0, TOKENS),
            ignore_eos=True,
        )
        for i, task in enumerate(some)
    ]
    started = time.monotonic()
    tokens = sum(answer.completion_tokens for answer in engine.answer(requests))
    return tokens / (time.monotonic() - started)


def _right(context: Plan, engine: Engine, folder: Path, tasks: list[Task]) -> list[tuple[str, str, bool]]:
    """Ask every question once, and judge its answer for each task that puts it: references may differ."""
    asking = scorer(context)
    candidate = Candidate("teacher", str(folder), folder.name, folder, True, "", "")
    requests: dict[str, Request] = {}
    putting: dict[str, list[tuple[Task, Dialogue]]] = {}
    for task in tasks:
        dialogue = asking.put(candidate, task)
        request = turn(next(dialogue), candidate, context.run.evaluation.max_tokens)
        requests[request.key] = request
        putting.setdefault(request.key, []).append((task, dialogue))
    return [
        (task.question, task.reference, _outcome(dialogue, answer))
        for answer in engine.answer(requests.values())
        for task, dialogue in putting[answer.key]
    ]


def _outcome(dialogue: Dialogue, answer: Answer) -> bool:
    try:
        dialogue.send(answer)
    except StopIteration as end:
        return bool(end.value["right_answer"])
    raise AssertionError("the question takes more than one turn")


if __name__ == "__main__":
    main()
