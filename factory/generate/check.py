"""The stage that judges what is stored, by the recipe's checks, in the plan's order. The teacher is not
needed; verdicts under other settings stay beside the new ones.

After an interruption the first answer that is missing ends it: what lies behind is judged when that answer is
there.
"""

from factory.context.plan import Plan
from factory.context.stage import Stage, Step
from factory.generate.scheduler import MISSING, Scheduler
from factory.generate.writer import Writer
from factory.store.store import Store


class CheckStage(Stage):
    """Judges the stored samples, in the process that asks for it."""

    name = "check"

    def owed(self, plan: Plan, store: Store, *, worked: bool) -> list[Step]:
        """Return one step for each source in which a sample lacks a verdict."""
        return [Step(self.name, each.source.name) for each in plan.plans if unjudged(each, store)]

    def run(self, plan: Plan, store: Store, detail: str) -> str:
        """Add the missing verdicts."""
        return check(plan.named(detail), store)


def unjudged(plan: Plan, store: Store) -> int:
    """Return how many samples of the plan lack a verdict of one of the recipe's checks."""
    keys = plan.suite().keys
    (row,) = store.query(
        "SELECT count(*) AS n FROM samples s JOIN plan_items p USING (request_key) WHERE p.plan_id = ? AND "
        "coalesce(p.sample_id, s.sample_id) = s.sample_id AND "
        "s.edited_from IS NULL AND (SELECT count(*) FROM verdicts v "
        "WHERE v.sample_id = s.sample_id AND list_contains(?, v.check_key)) < ?",
        [plan.plan_id, keys, len(keys)],
    )
    return int(row["n"])


def check(plan: Plan, store: Store) -> str:
    """Add the missing verdicts and return a line that sums up what is accepted."""
    writer = Writer(plan, store)
    scheduler = Scheduler(plan, store, plan.suite(), writer.take, asking=False)
    for _ in scheduler.open_requests():
        raise AssertionError("nothing is asked here")
    writer.flush()
    (count,) = store.query(
        "SELECT (SELECT count(*) FROM training_set WHERE place = $place) AS accepted, "
        "(SELECT count(*) FROM current_samples WHERE place = $place) AS samples",
        {"place": plan.place},
    )
    accepted = f"{count['accepted']} of {count['samples']} samples accepted"
    if scheduler.ended != MISSING:
        return accepted
    end = scheduler.judged * plan.data.draws
    (waiting,) = store.query(
        "SELECT count(*) AS n FROM current_samples WHERE place = ? AND position >= ?", [plan.place, end]
    )
    return f"{accepted}, {waiting['n']} wait for an answer before them: factory generate"
