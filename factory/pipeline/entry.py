"""A run entered into the store: recipe, seeds, plan, machine; and is this the workspace of its recipe?"""

import itertools
from typing import Any

from factory.context.plan import Plan
from factory.errors import InputError
from factory.store.store import Store, now
from factory.system.digest import content_id
from factory.system.machine import machine, versions


def require_its_recipe(plan: Plan, store: Store) -> None:
    """Raise InputError if the workspace was worked in, and with no seed of this recipe: its views would
    show nothing of what is there."""
    run = plan.run
    runs = store.query("SELECT recipe_name FROM current_run")
    # By their words: a seed that was corrected, or whose language is known now, is the same one here.
    asked = sorted({seed.question for each in plan.plans for seed in each.seeds})
    if not runs or store.query("SELECT 1 FROM seeds WHERE question IN (SELECT unnest(?)) LIMIT 1", [asked]):
        return
    raise InputError(
        f"{run.workspace.root} holds the work of another recipe: {runs[0]['recipe_name']} ran there last, "
        f"with none of the seeds of {run.loaded.path} ({run.loaded.recipe.name})",
        "Nothing was changed. Name the workspace of this recipe with -w, or a new folder; to go on in this "
        "one: --other-recipe.",
    )


def enter_run(plan: Plan, store: Store, command: str) -> None:
    """Enter the run, its seeds and the plan of each source, unless the latest run has the same recipe, plans
    and checks."""
    loaded, suites = plan.run.loaded, [each.suite().keys for each in plan.plans]
    # A sample is judged by the checks of its own source.
    keys = list(dict.fromkeys(itertools.chain.from_iterable(suites)))
    same = store.query(
        "SELECT 1 FROM current_run WHERE recipe_digest = ? AND plan_id = ? AND check_keys = ?",
        [loaded.digest, plan.whole_id, keys],
    )
    if same:
        return
    known = {row["seed_id"] for row in store.query("SELECT seed_id FROM seeds")}
    seeds = itertools.chain.from_iterable(each.seeds for each in plan.plans)
    new_seeds = {seed.seed_id: seed for seed in seeds if seed.seed_id not in known}
    started = now()
    run_id = content_id([loaded.digest, plan.whole_id, started.isoformat()])
    sources = zip(plan.plans, suites, strict=True)
    store.commit(
        runs=[
            {
                "run_id": run_id,
                "started_at": started,
                "command": command,
                "recipe_name": loaded.recipe.name,
                "recipe_digest": loaded.digest,
                "recipe_text": loaded.text,
                "plan_id": plan.whole_id,
                "check_keys": keys,
                "target_count": sum(each.data.count for each in plan.plans),
                "machine": machine(),
                "versions": versions(),
            }
        ],
        run_sources=[_source_row(run_id, *each) for each in sources] if len(suites) > 1 else [],
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


def _source_row(run_id: str, plan: Plan, keys: list[str]) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "place": plan.place,
        "source": plan.source.name,
        "kind": plan.kind.name,
        "plan_id": plan.plan_id,
        "check_keys": keys,
        "target_count": plan.data.count,
        "weight": plan.source.weight,
    }
