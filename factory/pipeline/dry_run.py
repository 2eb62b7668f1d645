"""`factory run --dry-run`: three prompts, a few tasks really put to the teacher, and what the run would
cost."""

from factory.context.plan import Plan
from factory.context.stage import Step
from factory.generate import dry_run
from factory.pipeline.loop import entered, run_step
from factory.store.store import Store


def look(plan: Plan, command: str) -> str:
    """Show the prompts, try the tasks, and return the estimate."""
    estimates = []
    with entered(plan, ("generate",), command) as (lock, _):
        for each in plan.plans:
            name = each.source.name
            for number, prompt in enumerate(dry_run.prompts(each), 1):
                plan.run.progress.say(f"--- {name} prompt {number}\n{prompt}\n".replace("  ", " "))
            run_step(plan, Step("generate", f"{name} {dry_run.TASKS}".strip()), lock)
            with Store(plan.run.workspace.store, plan.run.workspace.ledger) as store:
                estimates.append(f"{name}: " * bool(name) + dry_run.estimate(each, store))
    return "\n".join(estimates)
