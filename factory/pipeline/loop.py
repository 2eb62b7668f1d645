"""Runs stages: what each still owes, in a child process or in this one. It knows no stage by name.

Promise: what is finished is not done again; what can be checked is checked before the first model loads; a
stage that is interrupted is taken up again by the same command. Stages share nothing but the store.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from factory.context.plan import Plan
from factory.context.stage import Step
from factory.models.bundled import BUNDLED
from factory.pipeline.child import CONVERT, ChildFailed, run_child
from factory.pipeline.entry import enter_run, require_its_recipe
from factory.pipeline.preflight import missing_parts, preflight, require_workspace
from factory.pipeline.stages import load_stage
from factory.store.store import Store
from factory.system.progress import duration


def run(plan: Plan, stages: tuple[str, ...], command: str) -> bool:
    """Run the given stages as far as they are owed; return whether there was anything to do."""
    with entered(plan, stages, command) as (lock, converted):
        started, worked = time.monotonic(), converted
        for stage in stages:
            done: set[Step] = set()
            while owed := [step for step in _owed(plan, stage, worked=worked) if step not in done]:
                for step in owed:
                    worked = True
                    run_step(plan, step, lock)
                    done.add(step)
        if worked:
            plan.run.progress.say(f"done in {duration(time.monotonic() - started)}")
        return worked


def run_once(plan: Plan, step: Step, command: str) -> None:
    """Run one step, whether it is owed or not."""
    with entered(plan, (step.stage,), command) as (lock, _):
        started = time.monotonic()
        run_step(plan, step, lock)
        plan.run.progress.say(f"done in {duration(time.monotonic() - started)}")


@contextmanager
def entered(plan: Plan, stages: tuple[str, ...], command: str) -> Iterator[tuple[int, bool]]:
    """Check everything, lock the workspace, prepare the models, enter the run into the store; yield the lock,
    and whether a model was converted."""
    preflight(plan, stages)
    workspace = plan.run.workspace
    with workspace.lock() as lock:
        require_workspace(workspace.root, workspace.store)
        require_its_workspace(plan)
        converted = any(load_stage(name).loads for name in stages) and _prepare_models(plan, lock)
        with _open(plan) as store:
            enter_run(plan, store, command)
        yield lock, converted


def require_its_workspace(plan: Plan) -> None:
    """Raise InputError if the workspace, which is locked, holds the work of another recipe, and that was not
    said to be right."""
    if plan.run.workspace.store.exists() and not plan.run.other_recipe:
        with _open(plan) as store:
            require_its_recipe(plan, store)


def _owed(plan: Plan, name: str, *, worked: bool) -> list[Step]:
    stage = load_stage(name)
    if missing_parts(plan, stage.needs):
        return []
    with _open(plan) as store:
        return stage.owed(plan, store, worked=worked)


def run_step(plan: Plan, step: Step, lock: int) -> None:
    """Run one step in a workspace that is locked."""
    run, stage = plan.run, load_stage(step.stage)
    run.progress.say(f"{step.stage:<9} {step.detail}".rstrip())
    if stage.environment is None:
        with _open(plan) as store:
            run.progress.say(f"  {stage.run(plan, store, step.detail)}")
        return
    log = run.workspace.logs / f"{step.stage}.log"
    try:
        run_child(
            [step.stage, str(run.loaded.path), str(run.workspace.root), step.detail],
            environment={**stage.environment, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"},
            lock=lock,
            log=log,
            secret=run.loaded.recipe.teacher.api_key_env,
        )
    except ChildFailed:
        run.progress.say(f"the log is {log}")
        raise


def _prepare_models(plan: Plan, lock: int) -> bool:
    """Convert the bundled models that the recipe names and that were never converted."""
    run, recipe = plan.run, plan.run.loaded.recipe
    sources = ([] if recipe.teacher.endpoints else [run.teacher]) + ([run.base] if recipe.student else [])
    sources += [run.tutor_base] if recipe.student and recipe.student.tutor else []
    worked = False
    for source in sources:
        if source.name in BUNDLED and not source.ready:
            run.progress.say(f"prepare   {source.name}: converting to {source.folder} (once)")
            log = run.workspace.logs / f"{CONVERT}.log"
            run_child([CONVERT, source.name], environment={}, lock=lock, log=log)
            worked = True
    return worked


def _open(plan: Plan) -> Store:
    return Store(plan.run.workspace.store, plan.run.workspace.ledger)
