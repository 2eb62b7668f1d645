"""A run entered into the store: recipe, seeds, plan, machine."""

from factory.context.plan import Plan
from factory.store.store import Store, now
from factory.system.digest import content_id
from factory.system.machine import machine, versions


def enter_run(plan: Plan, store: Store, command: str) -> None:
    """Enter the run, its seeds and its plan, unless the latest run has the same recipe, plan and checks."""
    loaded, keys = plan.run.loaded, plan.suite().keys
    same = store.query(
        "SELECT 1 FROM current_run WHERE recipe_digest = ? AND plan_id = ? AND check_keys = ?",
        [loaded.digest, plan.plan_id, keys],
    )
    if same:
        return
    known = {row["seed_id"] for row in store.query("SELECT seed_id FROM seeds")}
    new_seeds = {seed.seed_id: seed for seed in plan.seeds if seed.seed_id not in known}
    started = now()
    store.commit(
        runs=[
            {
                "run_id": content_id([loaded.digest, plan.plan_id, started.isoformat()]),
                "started_at": started,
                "command": command,
                "recipe_name": loaded.recipe.name,
                "recipe_digest": loaded.digest,
                "recipe_text": loaded.text,
                "plan_id": plan.plan_id,
                "check_keys": keys,
                "target_count": loaded.recipe.data.count,
                "machine": machine(),
                "versions": versions(),
            }
        ],
        seeds=[
            {
                "seed_id": seed_id,
                "name": seed.name,
                "language": seed.language,
                "family": seed.family,
                "question": seed.question,
                "input": seed.input,
                "rationale": seed.rationale,
                "reference": seed.reference,
                "source": seed.source,
                "line": seed.line,
            }
            for seed_id, seed in new_seeds.items()
        ],
    )
