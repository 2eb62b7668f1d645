"""The stage that judges what is stored, by the recipe's checks, in the plan's order. The teacher is not
needed; verdicts under other settings stay beside the new ones.

After an interruption the first answer that is missing ends it: what lies behind is judged when that answer is
there.
"""

from factory.context.context import Context
from factory.generate.scheduler import MISSING, Scheduler
from factory.generate.stage import Writer
from factory.store.store import Store


def unjudged(context: Context, store: Store) -> int:
    """Return how many samples of the plan lack a verdict of one of the recipe's checks."""
    keys = context.suite().keys
    (row,) = store.query(
        "SELECT count(*) AS n FROM samples s JOIN plan_items p USING (request_key) WHERE p.plan_id = ? AND "
        "coalesce(p.sample_id, s.sample_id) = s.sample_id AND "
        "s.edited_from IS NULL AND (SELECT count(*) FROM verdicts v WHERE v.sample_id = s.sample_id AND list_contains(?, v.check_key)) < ?",
        [context.plan_id, keys, len(keys)],
    )
    return int(row["n"])


def check(context: Context, store: Store) -> str:
    """Add the missing verdicts and return a line that sums up what is accepted."""
    writer = Writer(context, store)
    scheduler = Scheduler(context, store, context.suite(), writer.take, asking=False)
    for _ in scheduler.open_requests():
        raise AssertionError("nothing is asked here")
    writer.flush()
    (count,) = store.query(
        "SELECT (SELECT count(*) FROM training_set) AS accepted, (SELECT count(*) FROM current_samples) AS samples"
    )
    told = f"{count['accepted']} of {count['samples']} samples accepted"
    if scheduler.ended != MISSING:
        return told
    end = scheduler.judged * context.loaded.recipe.data.samples_per_prompt
    (waiting,) = store.query("SELECT count(*) AS n FROM current_samples WHERE position >= ?", [end])
    return f"{told}, {waiting['n']} wait for an answer before them: factory generate"
