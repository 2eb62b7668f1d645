"""One model measured: what it answers to the held-out tasks, how fast, in how much memory.

Promise: every answer is kept (`predictions`), so that each figure can be counted again in SQL. Accuracy is
greedy. Memory is the most that this process has had resident: a process measures one model. Speed and
perplexity are those of a model in this process, as vLLM runs it.
"""

from typing import Any

from factory.context.plan import Plan
from factory.errors import FactoryError
from factory.evaluate.candidate import Candidate
from factory.evaluate.interval import bootstrap_interval
from factory.evaluate.perplexity import perplexity
from factory.evaluate.scorer import question, scorer
from factory.evaluate.speed import speed
from factory.inference.request import TOO_LONG, Model
from factory.models.folder import inspect
from factory.store.store import Store
from factory.system.machine import peak_memory
from factory.tasks.sample import Task


def measure(context: Plan, store: Store, candidate: Candidate, model: Model, *, local: bool = True) -> str:
    """Evaluate one model, store predictions and figures in one batch, and return a line that sums it up.
    `local`: it is in this process."""
    evaluation_id = candidate.evaluation_id(context)
    # A held-out question comes as a user's would: without its family, which would tell a teacher with
    # examples the operation.
    tasks = [
        Task(seed.seed_id, seed.language, "", seed.question, seed.reference) for seed in context.held_out
    ]
    asking = scorer(context)
    asked = {
        request.key: (request, task)
        for task in tasks
        for request in [question(asking, candidate, task, context.run.evaluation.max_tokens)]
    }
    predictions = []
    for answer in model.answer(request for request, _ in asked.values()):
        # What is too long for a model it cannot answer: that is wrong, as any other answer may be.
        if answer.error is not None and answer.error != TOO_LONG:
            raise FactoryError(
                f"{candidate.role}: a held-out task was not answered: {answer.error}",
                "Nothing of this model is stored: run the same command when its server answers. refused_* says that the server does not "
                "take the request: prompt and evaluate.max_tokens may be too long for it.",
            )
        _, task = asked[answer.key]
        about = {
            "evaluation_id": evaluation_id,
            "task_id": task.task_id,
            "question": task.question,
            "reference": task.reference,
        }
        predictions.append(about | {"output": answer.text} | asking.judge(candidate, task, answer.text))
        context.run.progress.update(f"  {candidate.role}  {len(predictions)}/{len(asked)} held-out tasks")
    figures: dict[str, tuple[float, float | None, float | None, int]] = {
        name: (
            *bootstrap_interval(
                [row[column] for row in predictions],
                context.run.evaluation.bootstrap,
                context.run.loaded.recipe.seed,
            ),
            len(predictions),
        )
        for name, column in asking.metrics.items()
    }
    if local:
        figures |= {
            name: (value, None, None, n)
            for name, (value, n) in speed(context, asking, candidate, tasks, model).items()
        }
        figures["peak_memory_bytes"] = (float(peak_memory()), None, None, 1)
        figures["weight_bytes"] = (float(inspect(candidate.folder).weight_bytes), None, None, 1)
        if (found := perplexity(context, asking, candidate, tasks, model)) is not None:
            figures["perplexity"] = (found[0], None, None, found[1])
    rows = [
        {
            "evaluation_id": evaluation_id,
            "artifact_id": candidate.artifact_id,
            "role": candidate.role,
            "metric": metric,
            "value": value,
            "low": low,
            "high": high,
            "n": n,
        }
        for metric, (value, low, high, n) in figures.items()
    ]
    store.commit(predictions=predictions, evaluations=rows, artifacts=_outside(store, candidate, local))
    accuracy, low, high, _ = figures["answer_accuracy"]
    return f"{candidate.role}: {accuracy:.1%} right (95 % interval {low:.1%} to {high:.1%}) of {len(predictions)}"


def _outside(store: Store, candidate: Candidate, local: bool) -> list[dict[str, Any]]:
    """Return the artifact row of a model that was not made here, if it is missing."""
    if store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [candidate.artifact_id]):
        return []
    facts = inspect(candidate.folder) if local else None
    return [
        {
            "artifact_id": candidate.artifact_id,
            "kind": "model",
            "name": candidate.name,
            "path": str(candidate.folder),
            "digest": facts.digest if facts else "",
            "weight_bytes": facts.weight_bytes if facts else 0,
            "parents": [],
            "about": {},
        }
    ]
