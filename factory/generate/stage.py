"""Generates samples: asks the teacher what the plan still owes, and commits answers, samples and verdicts in
small batches.

Promise: a request whose answer was committed is never asked again. It runs until the wanted number of
samples is accepted, the budget is used up, or the seeds give nothing new, and says which; where the seeds
give nothing new but some requests hit transient errors, the plan stays owed, and the next run asks those
again. A run in which nothing succeeds stops (`factory.generate.failures`): that is no end, and the same
command goes on. Where fewer were accepted than asked for, it says which checks took how many
(`factory.generate.shortfall`). The model is opened only if something has to be asked.
"""

import itertools
import re
from collections.abc import Callable
from typing import ClassVar

from factory.context.plan import Plan
from factory.context.stage import ModelRole, Stage, Step
from factory.generate.meter import Meter
from factory.generate.scheduler import Scheduler, Update
from factory.generate.teacher import open_teacher
from factory.generate.writer import Writer
from factory.inference.environment import ENVIRONMENT
from factory.inference.request import Model
from factory.store.store import Store

TRIED = re.compile(r"(?:^| )[0-9]+$")


class GenerateStage(Stage):
    """Asks the teacher; `detail` is the source's name, where the recipe has several, and how many tasks are
    started at most, where only some are tried."""

    name = "generate"
    loads: ClassVar[tuple[ModelRole, ...]] = ("teacher",)
    environment = ENVIRONMENT

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return one step for each source until its plan has come to an end."""
        return [Step(self.name, each.source.name) for each in plan.plans if is_owed(each, store)]

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Ask for everything that a source owes, or try a few tasks of it."""
        name, _, tasks = detail.rpartition(" ") if TRIED.search(detail) else (detail, "", "")
        source = plan.named(name)

        def open_model() -> Model:
            source.kind.require_askable(source.prepared())
            return open_teacher(plan.run)

        return generate(source, store, open_model, most_tasks=int(tasks) if tasks else None)


def is_owed(plan: Plan, store: Store) -> bool:
    """Return whether the plan has not come to an end yet under the recipe's count, budget and checks. With
    nothing accepted it has not, though older versions entered that as an end."""
    ends = store.query(
        "SELECT accepted FROM plan_ends WHERE plan_id = ? AND target_id = ?", [plan.plan_id, plan.target_id]
    )
    return not any(end["accepted"] for end in ends) and not (ends and _is_any(plan, store))


def generate(
    plan: Plan, store: Store, open_model: Callable[[], Model], *, most_tasks: int | None = None
) -> str:
    """Ask for everything owed, store answers, samples and verdicts, and return a line that sums it up."""
    writer, meter = Writer(plan, store), Meter(plan)

    def take(update: Update) -> None:
        meter.add(update)
        writer.take(update)

    scheduler = Scheduler(plan, store, plan.suite(), take, most_tasks=most_tasks)
    waiting = scheduler.open_requests()
    try:
        first = next(waiting, None)
        if first is not None:
            meter.start(scheduler)
            store.warm_up()
            for answer in open_model().answer(itertools.chain([first], waiting)):
                scheduler.receive(answer)
                meter.show(scheduler)
    finally:
        writer.flush()
    failures = scheduler.failures
    if most_tasks is None:
        useless = failures.are_hopeless or failures.are_all
        if scheduler.accepted_count < plan.data.count and not failures.are_all:
            _say_why(plan, scheduler)
        # Nobody calls it an end of the recipe where nothing was made of it, not even by a person.
        if useless or not (scheduler.accepted_count or _is_any(plan, store)):
            raise failures.error(scheduler.ended)
    if most_tasks is None and not scheduler.lost:
        store.commit(
            plan_ends=[
                {
                    "plan_id": plan.plan_id,
                    "target_id": plan.target_id,
                    "reason": scheduler.ended,
                    "accepted": scheduler.accepted_count,
                    "requests": scheduler.requests,
                    "tokens": scheduler.tokens,
                }
            ]
        )
    return meter.summary(scheduler)


def _say_why(plan: Plan, scheduler: Scheduler) -> None:
    """Say which checks took how many samples, and what to try."""
    for line in scheduler.rejections.told(scheduler.ended, scheduler.requests):
        plan.run.progress.say(f"  {line}")


def _is_any(plan: Plan, store: Store) -> bool:
    """Return whether a person accepted what no check did."""
    (row,) = store.query("SELECT count(*) AS n FROM training_set WHERE place = ?", [plan.place])
    return bool(row["n"])
