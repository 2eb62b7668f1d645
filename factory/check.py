"""The stage that judges what is stored: verdicts that are missing under the recipe's checks, and duplicates over the whole plan. The
teacher is not needed."""

from typing import Any

from factory.checks.check import Judged, check_key
from factory.checks.registry import verdict_row
from factory.context import Context
from factory.inference.request import Answer
from factory.store.store import Store

BATCH_ROWS = 5000


def unjudged(context: Context, store: Store) -> int:
    """Return how many samples of the plan lack a verdict of one of the recipe's checks."""
    (row,) = store.query(
        "SELECT count(*) AS n FROM samples s JOIN requests p USING (request_key) WHERE p.plan_id = ? AND "
        "(SELECT count(*) FROM verdicts v WHERE v.sample_id = s.sample_id AND list_contains(?, v.check_key)) < ?",
        [context.plan_id, context.checks.keys, len(context.checks.keys)],
    )
    return int(row["n"])


def check(context: Context, store: Store) -> str:
    """Add the missing verdicts and return a line that sums up what is accepted."""
    rows = _judge_single(context, store)
    for start in range(0, len(rows), BATCH_ROWS):
        store.commit(verdicts=rows[start : start + BATCH_ROWS])
    rows = _judge_duplicates(context, store)
    for start in range(0, len(rows), BATCH_ROWS):
        store.commit(verdicts=rows[start : start + BATCH_ROWS])
    (count,) = store.query("SELECT (SELECT count(*) FROM training_set) AS accepted, (SELECT count(*) FROM current_samples) AS samples")
    return f"{count['accepted']} of {count['samples']} samples accepted"


def _judge_single(context: Context, store: Store) -> list[dict[str, Any]]:
    planned = {entry.request.key: entry for entry in context.plan}
    have = {(row["sample_id"], row["check_key"]) for row in store.query("SELECT sample_id, check_key FROM verdicts")}
    keys = [check_key(single.name, single.settings) for single in context.checks.single]
    rows = []
    for row in store.query(
        "SELECT s.sample_id, g.* FROM samples s JOIN requests p USING (request_key) JOIN generations g USING (request_key) "
        "WHERE p.plan_id = ?",
        [context.plan_id],
    ):
        if all((row["sample_id"], key) in have for key in keys):
            continue
        entry = planned[row["request_key"]]
        answer = Answer(
            row["request_key"],
            row["text"],
            row["finish_reason"],
            row["prompt_tokens"],
            row["completion_tokens"],
            row["seconds"],
            error=row["error"],
        )
        judged = Judged(context.kind.read(entry.task, answer), row["finish_reason"], entry.position)
        rows += [verdict for verdict in context.checks.judge(judged) if (row["sample_id"], verdict["check_key"]) not in have]
    return rows


def _judge_duplicates(context: Context, store: Store) -> list[dict[str, Any]]:
    dedup = context.checks.dedup
    if dedup is None:
        return []
    key = check_key(dedup.name, dedup.settings)
    samples = store.query(
        "SELECT s.sample_id, s.content_id, p.position, s.sample_id IN (SELECT sample_id FROM verdicts WHERE check_key = ?) AS judged, "
        "s.sample_id IN (SELECT sample_id FROM verdicts WHERE check_key = ? AND passed) AS standing, "
        "NOT EXISTS (SELECT 1 FROM verdicts v WHERE v.sample_id = s.sample_id AND list_contains(?, v.check_key) AND NOT v.passed) AS clean "
        "FROM samples s JOIN requests p USING (request_key) WHERE p.plan_id = ?",
        [key, key, [name for name in context.checks.keys if name != key], context.plan_id],
    )
    if all(sample["judged"] for sample in samples):
        return []
    verdicts = dedup.judge_all(samples)
    judged = {sample["sample_id"] for sample in samples if sample["judged"]}
    return [
        verdict_row(sample_id, dedup.name, dedup.settings, verdict) for sample_id, verdict in verdicts.items() if sample_id not in judged
    ]
