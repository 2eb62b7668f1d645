"""One model measured: what it answers to the held-out tasks, how fast, in how much memory.

Promise: every answer is kept (`predictions`), so that each figure can be counted again in SQL. Accuracy is greedy. Speed is the generated
tokens per second of requests of a fixed length, one at a time and 32 at once, after a warm-up. Memory is the most this process has had
resident: a process measures one model.
"""

import time
from collections.abc import Iterable
from typing import Any

from factory.context import Context
from factory.digest import content_id
from factory.evaluate.exam import Exam, exam
from factory.evaluate.interval import bootstrap_interval
from factory.evaluate.subject import Subject
from factory.inference.request import Model, Request, Sampling
from factory.machine import peak_memory
from factory.models.folder import inspect
from factory.store.store import Store
from factory.tasks.sample import Task

SPEED_TOKENS = 32
SPEED_REQUESTS = {1: 4, 32: 32}


def measure(context: Context, store: Store, subject: Subject, model: Model, *, speed: bool = True) -> str:
    """Evaluate one model, store predictions and figures in one batch, and return a line that sums it up."""
    evaluation_id = subject.evaluation_id(context)
    # A held-out question comes as a user's would: without its family, which would tell a teacher with examples the operation.
    tasks = [Task(seed.seed_id, seed.language, "", seed.question, seed.reference) for seed in context.held_out]
    asking = exam(context)
    requests = {_request(asking, subject, task, context.evaluation.max_tokens).key: task for task in tasks}
    predictions = []
    asked = (_request(asking, subject, task, context.evaluation.max_tokens) for task in requests.values())
    for answer in model.answer(asked):
        task = requests[answer.key]
        about = {"evaluation_id": evaluation_id, "task_id": task.task_id, "question": task.question, "reference": task.reference}
        predictions.append(about | {"output": answer.text} | asking.judge(subject, task, answer.text))
        context.progress.update(f"  {subject.role}  {len(predictions)}/{len(requests)} held-out tasks")
    figures: dict[str, tuple[float, float | None, float | None, int]] = {
        name: (
            *bootstrap_interval([row[column] for row in predictions], context.evaluation.bootstrap, context.loaded.recipe.seed),
            len(predictions),
        )
        for name, column in asking.metrics.items()
    }
    if speed:
        for batch, value in _speeds(context, asking, subject, tasks, model).items():
            figures[f"tokens_per_s_batch_{batch}"] = (value, None, None, SPEED_REQUESTS[batch])
        figures["peak_memory_bytes"] = (float(peak_memory()), None, None, 1)
        figures["weight_bytes"] = (float(inspect(subject.folder).weight_bytes), None, None, 1)
    rows = [
        {
            "evaluation_id": evaluation_id,
            "artifact_id": subject.artifact_id,
            "role": subject.role,
            "metric": metric,
            "value": value,
            "low": low,
            "high": high,
            "n": n,
        }
        for metric, (value, low, high, n) in figures.items()
    ]
    store.commit(predictions=predictions, evaluations=rows, artifacts=_outside(store, subject, speed))
    accuracy, low, high, _ = figures["answer_accuracy"]
    return f"{subject.role}: {accuracy:.1%} right (95 % interval {low:.1%} to {high:.1%}) of {len(predictions)}"


def _request(asking: Exam, subject: Subject, task: Task, max_tokens: int, *, tag: str = "", fixed: bool = False) -> Request:
    messages = asking.ask(subject, task)
    key = content_id([subject.artifact_id, messages, max_tokens, tag])
    tools = None if subject.as_teacher else asking.tools
    return Request(key, messages, Sampling(0.0, 1.0, max_tokens), None if fixed else asking.schema(subject), tools, ignore_eos=fixed)


def _speeds(context: Context, asking: Exam, subject: Subject, tasks: list[Task], model: Model) -> dict[int, float]:
    speeds = {}
    for batch, count in SPEED_REQUESTS.items():
        context.progress.update(f"  {subject.role}  speed, {batch} at once", now=True)
        requests = [
            _request(asking, subject, tasks[i % len(tasks)], SPEED_TOKENS, tag=f"speed-{batch}-{i}", fixed=True) for i in range(count + 1)
        ]
        list(model.answer(requests[:1]))
        groups = [requests[i : i + batch] for i in range(1, len(requests), batch)]
        started = time.monotonic()
        tokens = sum(_tokens(model, group) for group in groups)
        speeds[batch] = tokens / (time.monotonic() - started)
    return speeds


def _tokens(model: Model, requests: Iterable[Request]) -> int:
    return sum(answer.completion_tokens for answer in model.answer(requests))


def _outside(store: Store, subject: Subject, local: bool) -> list[dict[str, Any]]:
    """Return the artifact row of a model that was not made here, if it is missing."""
    if store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [subject.artifact_id]):
        return []
    facts = inspect(subject.folder) if local else None
    return [
        {
            "artifact_id": subject.artifact_id,
            "kind": "model",
            "name": subject.name,
            "path": str(subject.folder),
            "digest": facts.digest if facts else "",
            "weight_bytes": facts.weight_bytes if facts else 0,
            "parents": [],
            "about": {},
        }
    ]
