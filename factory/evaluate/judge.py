"""The judge of the stage `evaluate`: the recipe's teacher says which of two answers is better, where none is
the right one.

Each stored answer of each measured model is compared with the held-out task's own, or with the teacher's
where it has none. Promise: what the judge said stands in `preferences`, so that the figures can be counted
again in SQL; nothing is stored of a model that is not judged to its end.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.context.stage import Step
from factory.errors import FactoryError
from factory.evaluate.candidate import Candidate, candidates, measured, put_tasks, task_of
from factory.evaluate.metrics.metric import Measurement
from factory.evaluate.metrics.preference import preferences
from factory.evaluate.metrics.table import metric, of_source
from factory.evaluate.pairwise import SCHEMA, Judgement, Pair, judge_id, judgement, verdict
from factory.inference.request import TOO_LONG, Model, Request, Sampling
from factory.store.store import Row, Store
from factory.system.digest import content_id
from factory.tasks.kind import PREFERRED
from factory.text.quantities import NO_BREAK, figure, interval
from factory.text.reasons import sentence

JUDGE = "judge"  # the detail of the step

_Place = tuple[str, str]  # an evaluation and a task


def unjudged(plan: Plan, lineage: Lineage, store: Store) -> list[Step]:
    """Return the step of the judge, if there are measured answers that it has not compared."""
    return [Step("evaluate", JUDGE)] if _waiting(plan, lineage, store) else []


def judge(plan: Plan, store: Store, model: Model) -> str:
    """Compare what was not compared, store verdicts and figures in one batch, and return a line that sums
    them up."""
    waiting = _waiting(plan, Lineage(plan.run, store), store)
    evaluations = {one.evaluation_id(plan): one for one in waiting}
    by_source = _pairs(plan, store, list(evaluations))
    said = _judged(plan, {at: pair for pairs in by_source.values() for at, pair in pairs.items()}, model)
    rows: list[Row] = []
    for pairs in by_source.values():
        rows += [_row(plan, at, pair, said[at]) for at, pair in pairs.items()]
    several = len(measured(plan)) > 1
    figures = {
        evaluation: _figures(
            {name: [said[at] for at in pairs if at[0] == evaluation] for name, pairs in by_source.items()},
            several=several,
        )
        for evaluation in evaluations
    }
    store.commit(
        preferences=rows,
        evaluations=[
            {"evaluation_id": evaluation, "artifact_id": one.artifact_id, "role": one.role}
            | {"metric": name, "unit": metric(name).unit, "better": metric(name).better}
            | dataclasses.asdict(measurement)
            for evaluation, one in evaluations.items()
            for name, measurement in figures[evaluation].items()
        ],
    )
    return "\n  ".join(_summary(one.role, figures[evaluation]) for evaluation, one in evaluations.items())


def _waiting(plan: Plan, lineage: Lineage, store: Store) -> list[Candidate]:
    """Return the measured models with answers that a judge has to compare and has not."""
    if not any(each.kind.main_metric == PREFERRED for each in measured(plan)):
        return []
    open_ = {
        row["evaluation_id"]
        for row in store.query(
            "SELECT DISTINCT evaluation_id FROM predictions WHERE right_answer IS NULL "
            "AND evaluation_id NOT IN (SELECT evaluation_id FROM preferences)"
        )
    }
    return [one for one in candidates(plan, lineage) if one.evaluation_id(plan) in open_]


def _pairs(plan: Plan, store: Store, evaluations: list[str]) -> dict[str, dict[_Place, Pair]]:
    """Return what is to be compared, by the name of its source; a task that two sources put belongs to the
    first."""
    found: dict[str, dict[_Place, Pair]] = {}
    put: set[str] = set()
    answers = _answers(store, evaluations)
    (teacher,) = [one for one in candidates(plan, Lineage(plan.run, store)) if one.role == "teacher"]
    own = {task: answer for (_, task), answer in _answers(store, [teacher.evaluation_id(plan)]).items()}
    for each in measured(plan):
        tasks = [task_of(seed) for seed in put_tasks(each)]
        if each.kind.main_metric == PREFERRED:
            pairs = found.setdefault(each.source.name, {})
            for task in tasks:
                against = task.reference.strip() or own.get(task.task_id)
                for evaluation in evaluations:
                    at = (evaluation, task.task_id)
                    if at in answers and task.task_id not in put:
                        pairs.setdefault(at, Pair(task, answers[at], against))
        put |= {task.task_id for task in tasks}
    return found


def _answers(store: Store, evaluations: list[str]) -> dict[_Place, str | None]:
    rows = store.query(
        "SELECT evaluation_id, task_id, result FROM predictions "
        "WHERE list_contains(?, evaluation_id) AND right_answer IS NULL",
        [evaluations],
    )
    return {(row["evaluation_id"], row["task_id"]): row["result"] for row in rows}


def _judged(plan: Plan, pairs: dict[_Place, Pair], model: Model) -> dict[_Place, Judgement]:
    """Put every pair in both orders; equal questions, as of models that say the same, are put once."""
    teacher = plan.run.loaded.recipe.teacher
    sampling = Sampling(0.0, 1.0, teacher.sampling.max_tokens)
    said = {at: Judgement(pair.plain, asked=False) for at, pair in pairs.items() if pair.plain is not None}
    requests: dict[str, Request] = {}
    keys: dict[_Place, list[str]] = {}
    for at, pair in pairs.items():
        if at in said:
            continue
        for prompt in pair.prompts(plan.run.workspace.prompts):
            messages = [{"role": "user", "content": prompt}]
            key = content_id([judge_id(plan.run), messages])
            requests[key] = Request(key, messages, sampling, SCHEMA, template=teacher.template or None)
            keys.setdefault(at, []).append(key)
    words: dict[str, str | None] = {}
    refused = 0
    for answer in model.answer(requests.values()):
        refused += answer.error not in (None, TOO_LONG)
        if answer.may_come_later or 2 * refused > len(requests):
            error = str(answer.error)
            raise FactoryError(
                f"the judge did not answer: {error} ({sentence(error)})"
                + (f": {answer.detail}" if answer.detail else ""),
                "No verdict of it is stored: run the same command when its server answers.",
            )
        words[answer.key] = None if answer.error else verdict(answer.text)
        plan.run.progress.update(
            f"  judge  {len(words)}/{len(requests)} comparisons, each pair in two orders"
        )
    for at, (first, second) in keys.items():
        said[at] = judgement(words.get(first), words.get(second))
    return said


def _row(plan: Plan, at: _Place, pair: Pair, found: Judgement) -> Row:
    return {
        "evaluation_id": at[0],
        "task_id": at[1],
        "judge": plan.run.teacher.name,
        "against": pair.against,
        "as_first": found.as_first,
        "as_second": found.as_second,
        "credit": found.credit,
    }


def _figures(by_source: Mapping[str, Sequence[Judgement]], *, several: bool) -> dict[str, Measurement]:
    """Return the figures of one model: those of all its comparisons, and with several sources those of
    each."""
    figures = preferences([one for judged in by_source.values() for one in judged])
    for name, judged in by_source.items() if several else ():
        figures |= {of_source(key, name): value for key, value in preferences(judged).items()}
    return figures


def _summary(role: str, figures: dict[str, Measurement]) -> str:
    preferred, same = figures[PREFERRED], figures.get("judge_consistency")
    said = f"{role}: {preferred.value:.1%} preferred (95 % interval "
    said += f"{interval(preferred.low, preferred.high, 'share')}) of {preferred.n}"
    said += f"; the same in both orders: {figure(same.value, 'share')} of {same.n}" if same else ""
    return said.replace(NO_BREAK, " ")
