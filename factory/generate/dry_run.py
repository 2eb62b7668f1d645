"""Preview of a run: three prompts as the teacher would read them, a few tasks really put to it, and
what the whole would cost.

Promise: nothing is thrown away: the answers are stored, and the run that follows uses them. The
estimate is of the few tasks that were tried, the first of the plan; it says how many, and of which families.
"""

import itertools

from factory.context.plan import Plan
from factory.store.store import Store
from factory.system.progress import duration
from factory.tasks.sample import Sample

PROMPTS, TASKS = 3, 16


# The answers of a plan, each with the seconds that passed while it was awaited and no earlier one was: pauses
# between runs are not counted.
_BUSY = """
    SELECT *, greatest(0, ended - greatest(started, coalesce(
        max(ended) OVER (ORDER BY started, ended ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        started))) AS busy
    FROM (SELECT prompt_tokens, completion_tokens, epoch(finished_at) AS ended,
                 epoch(finished_at) - seconds AS started
        FROM generations SEMI JOIN (SELECT request_key FROM plan_items WHERE plan_id = $plan UNION ALL
            SELECT request_key FROM turns WHERE plan_id = $plan) USING (request_key))
"""


class _Nothing:
    """What is accepted before anything was asked."""

    judged = 0

    def accepted(self, before: int) -> list[Sample]:
        return []


def prompts(plan: Plan) -> list[str]:
    """Return the first prompts of the plan as text, each message under its role."""
    tasks = itertools.islice(plan.taskset.tasks(_Nothing()), PROMPTS)
    asked = [next(plan.episode(task, 0), None) for task in tasks if task is not None]
    return [
        "\n".join(f"[{message['role']}] {message['content']}" for message in ask.messages)
        for ask in asked
        if ask is not None
    ]


def estimate(plan: Plan, store: Store) -> str:
    """Return in words what the recipe's data would cost, judging by what the plan has so far."""
    wanted = plan.data.count
    (row,) = store.query(
        "SELECT (SELECT count(*) FROM current_samples WHERE place = $place) AS samples, "
        "(SELECT count(*) FROM training_set WHERE place = $place) AS accepted, count(*) AS requests, "
        "sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion, sum(busy) AS seconds "
        f"FROM ({_BUSY})",
        {"plan": plan.plan_id, "place": plan.place},
    )
    if row["samples"] and not row["requests"]:
        return (
            f"{row['samples']} samples were tried: {row['accepted']} accepted; "
            "they cost nothing, for nobody is asked"
        )
    if not row["requests"]:
        return "the teacher gave no answer, so there is nothing to estimate from"
    tried = (
        f"{row['samples']} samples were tried with {row['requests']} requests: {row['accepted']} accepted, "
        f"{row['prompt']} prompt tokens, {row['completion']} completion tokens, {duration(row['seconds'])}"
    )
    if not row["accepted"]:
        return (
            f"{tried}\nnone was accepted, so {wanted} samples cannot be reached with this recipe: "
            "factory audit rejected says why; "
            f"it would end after {plan.source.limit} at the latest"
        )
    factor = wanted / row["accepted"]
    families = {
        seed["family"]
        for seed in store.query(
            "SELECT DISTINCT d.family FROM current_samples s JOIN seeds d USING (seed_id) WHERE s.place = ?",
            [plan.place],
        )
    }
    if left := {seed.family for seed in plan.seeds} - families:
        tried += (
            f"\nof {len(families | left)} families only {', '.join(sorted(families))} were tried: "
            "others may cost more, or pass less often"
        )
    return tried + (
        f"\n{wanted} accepted samples would take about {row['requests'] * factor:,.0f} requests, "
        f"{row['prompt'] * factor:,.0f} prompt and {row['completion'] * factor:,.0f} completion tokens, "
        f"and at this speed {duration(row['seconds'] * factor)}"
        f"\nthe run ends after {plan.source.limit} at the latest"
    )
