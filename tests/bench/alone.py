"""One model in a process of its own: python -m tests.bench.alone RECIPE FOLDER [--examples]. Prints one JSON object.

`tokens_per_s`: 32 requests at once, the bare held-out questions, 64 new tokens each whatever they say, three rounds after a warm-up.
With --examples the model answers all held-out tasks greedily, asked as the recipe's teacher is, and `right` says for each whether it did.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from factory.context import Context
from factory.evaluate.exam import exam, question
from factory.evaluate.subject import Subject
from factory.inference.engine import Engine
from factory.inference.request import Request, Sampling
from factory.progress import Progress
from factory.recipe import load_recipe
from factory.tasks.sample import Task
from factory.workspace import Workspace

TOGETHER, TOKENS, ROUNDS = 32, 64, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--examples", action="store_true")
    arguments = parser.parse_args()
    context = Context(load_recipe(arguments.recipe), Workspace(arguments.recipe.parent / "alone"), Progress())
    engine = Engine(arguments.folder, max_model_len=2048, concurrency=TOGETHER, kv_cache_gb=1.0)
    tasks = [Task(seed.seed_id, seed.language, "", seed.question, seed.reference) for seed in context.held_out]
    found: dict[str, Any] = {"tokens_per_s": [_rate(engine, tasks, number) for number in range(ROUNDS + 1)][1:]}
    if arguments.examples:
        found["right"] = _right(context, engine, arguments.folder, tasks)
    print(json.dumps(found))


def _rate(engine: Engine, tasks: list[Task], number: int) -> float:
    some = tasks[number * TOGETHER : (number + 1) * TOGETHER]
    requests = [
        Request(f"{number} {i}", [{"role": "user", "content": task.question}], Sampling(0.0, 1.0, TOKENS), ignore_eos=True)
        for i, task in enumerate(some)
    ]
    started = time.monotonic()
    tokens = sum(answer.completion_tokens for answer in engine.answer(requests))
    return tokens / (time.monotonic() - started)


def _right(context: Context, engine: Engine, folder: Path, tasks: list[Task]) -> dict[str, bool]:
    asking = exam(context)
    subject = Subject("teacher", str(folder), folder.name, folder, True, "", "")
    asked = {request.key: (request, task) for task in tasks for request in [question(asking, subject, task, context.evaluation.max_tokens)]}
    answers = engine.answer(request for request, _ in asked.values())
    return {(task := asked[answer.key][1]).question: asking.judge(subject, task, answer.text)["right_answer"] for answer in answers}


if __name__ == "__main__":
    main()
