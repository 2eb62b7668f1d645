"""The stage that judges what is stored, by the recipe's checks, in the plan's order. The teacher is not needed; verdicts under other
settings stay beside the new ones."""

from factory.context import Context
from factory.course import Course
from factory.generate import Writer
from factory.store.store import Store


def unjudged(context: Context, store: Store) -> int:
    """Return how many samples of the plan lack a verdict of one of the recipe's checks."""
    keys = context.jury().keys
    (row,) = store.query(
        "SELECT count(*) AS n FROM samples s JOIN requests p USING (request_key) WHERE p.plan_id = ? AND "
        "coalesce(p.sample_id, s.sample_id) = s.sample_id AND "
        "(SELECT count(*) FROM verdicts v WHERE v.sample_id = s.sample_id AND list_contains(?, v.check_key)) < ?",
        [context.plan_id, keys, len(keys)],
    )
    return int(row["n"])


def check(context: Context, store: Store) -> str:
    """Add the missing verdicts and return a line that sums up what is accepted."""
    course, writer = Course(context, store, context.jury(), asking=False), Writer(context, store)
    for _ in course.open_requests():
        raise AssertionError("nothing is asked here")
    writer.take(course)
    writer.flush()
    (count,) = store.query("SELECT (SELECT count(*) FROM training_set) AS accepted, (SELECT count(*) FROM current_samples) AS samples")
    return f"{count['accepted']} of {count['samples']} samples accepted"
