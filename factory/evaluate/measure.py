"""Measurement of one model: its answers to the held-out tasks, and every metric.

Promise: every answer is kept (`predictions`), so that each figure can be counted again in SQL. Accuracy is
greedy. A task that the model's server refuses is named and counts as wrong, as long as most are answered.
What is measured, `metrics/table.py` lists. Each held-out task counts: an answer is judged for every
task that puts its question.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from factory.context.plan import Plan
from factory.errors import FactoryError
from factory.evaluate.candidate import Candidate, measured, put_tasks, task_of
from factory.evaluate.metrics.accuracy import share
from factory.evaluate.metrics.metric import Evaluation, Measurement
from factory.evaluate.metrics.table import FAMILIES, metric, of_source
from factory.evaluate.scorer import scorer, turn
from factory.inference.request import TOO_LONG, Answer, Model, Request
from factory.models.folder import inspect
from factory.models.spelling import read_spelling
from factory.store.store import Row, Store
from factory.tasks.kind import RIGHT
from factory.tasks.sample import Task
from factory.tasks.scorer import Classifier, Dialogue, Scorer
from factory.text.quantities import NO_BREAK, figure, interval
from factory.text.reasons import sentence
from factory.text.visible import truncate


def measure(plan: Plan, store: Store, candidate: Candidate, model: Model, *, local: bool = True) -> str:
    """Evaluate one model, store predictions and figures in one batch, and return a line that sums it up.
    `local`: it is in this process."""
    evaluation_id = candidate.evaluation_id(plan)
    evaluations = []
    put: set[str] = set()
    for each in measured(plan):
        asking, tasks = scorer(each), [task for task in _tasks(each) if task.task_id not in put]
        put |= {task.task_id for task in tasks}
        rows = _predictions(each, candidate, model, asking, tasks)
        predictions = [row | {"evaluation_id": evaluation_id} for row in rows]
        evaluations.append(Evaluation(each, asking, candidate, tasks, model, predictions))
    figures = _figures(evaluations, local=local)
    of = {"evaluation_id": evaluation_id, "artifact_id": candidate.artifact_id, "role": candidate.role}
    store.commit(
        predictions=[dict(row) for evaluation in evaluations for row in evaluation.predictions],
        evaluations=[
            of
            | {"metric": name, "unit": metric(name).unit, "better": metric(name).better}
            | dataclasses.asdict(measurement)
            for name, measurement in figures.items()
        ],
        artifacts=_outside(store, candidate, local),
    )
    return f"{candidate.role}: {_summary(figures)}"


def _figures(evaluations: list[Evaluation], *, local: bool) -> dict[str, Measurement]:
    """Return every figure: with several sources those that depend on the tasks by source, behind the share
    of all tasks that were answered rightly, of those that have a right answer, and the others as measured on
    the first one's."""
    figures: dict[str, Measurement] = {}
    right = [
        bool(row["right_answer"])
        for evaluation in evaluations
        if RIGHT in evaluation.scorer.metrics
        for row in evaluation.predictions
    ]
    if len(evaluations) > 1 and right:
        figures[RIGHT] = share(right)
    for family in FAMILIES:
        if not local and family.local:
            continue
        for evaluation in evaluations if family.by_source else evaluations[:1]:
            several = family.by_source and len(evaluations) > 1
            figures |= {
                of_source(name, evaluation.plan.source.name) if several else name: measurement
                for name, measurement in family.measure(evaluation).items()
            }
    return figures


def _tasks(plan: Plan) -> list[Task]:
    """Return the held-out tasks, each once."""
    tasks: dict[str, Task] = {}
    for seed in put_tasks(plan):
        task = task_of(seed)
        if tasks.setdefault(task.task_id, task) is not task:
            plan.run.progress.say(
                f"note: {seed.source}:{seed.line}: the held-out task {seed.name} has the question and the "
                "reference of an earlier one; it is counted once"
            )
    return list(tasks.values())


def _predictions(
    plan: Plan, candidate: Candidate, model: Model, asking: Scorer, tasks: list[Task]
) -> list[Row]:
    """Put every task, turn by turn: a question is asked once, and its answer goes to each task that puts it,
    because references may differ."""
    predictions: list[Row] = []
    said: dict[str, list[str]] = {task.task_id: [] for task in tasks}
    refused: set[str] = set()
    spell = read_spelling(candidate.folder) if isinstance(asking, Classifier) else None
    dialogues = [(task, asking.put(candidate, task)) for task in tasks]
    asked = [(task, dialogue, next(dialogue)) for task, dialogue in dialogues]
    while asked:
        requests: dict[str, Request] = {}
        putting: dict[str, list[tuple[Task, Dialogue]]] = {}
        for task, dialogue, ask in asked:
            request = turn(ask, candidate, plan.run.evaluation.max_tokens)
            requests[request.key] = request
            putting.setdefault(request.key, []).append((task, dialogue))
        asked = []
        for answer in model.answer(requests.values()):
            # What is too long for a model it cannot answer, nor what its server's filter refuses: that is
            # wrong, as any other answer may be. Only a server that is out of order says nothing about the
            # model.
            if answer.may_come_later:
                raise _not_answered(candidate, answer)
            if answer.error is not None and answer.error != TOO_LONG:
                refused |= {task.task_id for task, _ in putting[answer.key]}
                if 2 * len(refused) > len(tasks):
                    raise _not_answered(candidate, answer)
                question = truncate(putting[answer.key][0][0].question, 100)
                plan.run.progress.say(
                    f"  note: {candidate.role}: counted as wrong, because not answered: {question}: "
                    f"{_why(answer)}"
                )
            for task, dialogue in putting[answer.key]:
                said[task.task_id].append(answer.text)
                try:
                    asked.append((task, dialogue, dialogue.send(answer)))
                except StopIteration as end:
                    about: Row = {
                        "task_id": task.task_id,
                        "question": task.question,
                        "input": task.input or None,
                        "reference": task.reference,
                    }
                    about |= {"output": "\n".join(said[task.task_id])}
                    if spell is not None and isinstance(asking, Classifier):
                        about["confidence"] = asking.confidence(candidate, answer, spell)
                    predictions.append(about | end.value)
            plan.run.progress.update(f"  {candidate.role}  {len(predictions)}/{len(tasks)} held-out tasks")
    return predictions


def _why(answer: Answer) -> str:
    error = str(answer.error)
    return f"{error} ({sentence(error)})" + (f": {answer.detail}" if answer.detail else "")


def _not_answered(candidate: Candidate, answer: Answer) -> FactoryError:
    return FactoryError(
        f"{candidate.role}: a held-out task was not answered: {_why(answer)}",
        "Nothing of this model is stored: run the same command when its server answers. Few tasks that a "
        "server refuses count as wrong; of so many, prompt and evaluate.max_tokens may be too long for it.",
    )


def _summary(measured: Mapping[str, Measurement]) -> str:
    said = [
        f"{name} {figure(measurement.value, metric(name).unit)}"
        for name, measurement in measured.items()
        if name != RIGHT
    ]
    if right := measured.get(RIGHT):
        bounds = interval(right.low, right.high, "share")
        said.insert(0, f"{right.value:.1%} right (95 % interval {bounds}) of {right.n}")
    return "; ".join(said).replace(NO_BREAK, " ")


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
