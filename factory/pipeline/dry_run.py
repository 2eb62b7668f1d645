"""`factory run --dry-run`: three prompts, a few tasks really put to the teacher, and what the run would
cost."""

from factory.context.plan import Plan
from factory.context.stage import Step
from factory.generate import dry_run
from factory.pipeline.loop import entered, run_step
from factory.store.store import Store


def look(plan: Plan, command: str) -> str:
    """Show the prompts, try the tasks, and return the estimate."""
    step = Step("generate", str(dry_run.TASKS))
    with entered(plan, (step.stage,), command) as (lock, _):
        for number, prompt in enumerate(dry_run.prompts(plan), 1):
            plan.run.progress.say(f"--- prompt {number}\n{prompt}\n")
        run_step(plan, step, lock)
        with Store(plan.run.workspace.store, plan.run.workspace.ledger) as store:
            return dry_run.estimate(plan, store)
