"""The order of the stages, and nothing else that they share: each reads from the store and writes to the
store.

Promise: what is finished is not done again; what can be checked is checked before the first model loads; a
stage that is interrupted is taken up again by the same command. Heavy stages run in child processes.
"""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from factory.chat_formats.formats import FORMATS
from factory.compress.preflight import require_compressible, require_prunable
from factory.context.context import Context
from factory.context.lineage import (
    Planned,
    is_made,
    plan_quantized,
    plan_recovered,
    plan_student,
    training_samples,
)
from factory.errors import FactoryError, InputError
from factory.generate import dry_run
from factory.generate.check import check, unjudged
from factory.generate.stage import is_owed
from factory.inference.environment import ENVIRONMENT
from factory.models.bundled import BUNDLED
from factory.models.precision import loaded_bytes
from factory.models.resolve import ModelSource
from factory.pipeline.child import KEEP_MEMORY, ChildFailed, run_child
from factory.store.blocks import examine_blocks
from factory.store.store import Store, doctor_hint, now
from factory.system.digest import content_id
from factory.system.machine import has_gpu, machine, require_memory, versions
from factory.system.progress import duration

RUNTIME_BYTES = 3 * 2**29  # Python, torch and vLLM themselves, measured with a tiny model


@dataclass(frozen=True)
class Step:
    """A piece of a stage that is still owed; `detail` is passed to the child."""

    stage: str
    detail: str = ""


def run(
    context: Context, stages: tuple[str, ...], command: str, against: str | None = None, *, anew: bool = False
) -> bool:
    """Run the given stages as far as they are owed; return whether there was anything to do.

    `against` names the run that a report is to compare with; `anew`: the report is written even if it is
    there.
    """
    preflight(context, stages)
    with context.workspace.lock() as lock:
        _require_space(context.workspace.root)
        _require_whole(context.workspace.store)
        worked = _prepare_models(context, lock)
        with _open(context) as store:
            enter_run(context, store, command)
        started = time.monotonic()
        for stage in stages:
            for step in _owed(stage, context, worked or anew):
                worked = True
                _run_step(context, step, lock, against)
        if worked:
            context.progress.say(f"done in {duration(time.monotonic() - started)}")
        return worked


def look(context: Context, command: str) -> str:
    """Show three prompts, put a few tasks to the teacher, and return what the whole would cost."""
    preflight(context, ("generate",))
    with context.workspace.lock() as lock:
        _require_space(context.workspace.root)
        _require_whole(context.workspace.store)
        _prepare_models(context, lock)
        with _open(context) as store:
            enter_run(context, store, command)
        for number, prompt in enumerate(dry_run.prompts(context), 1):
            context.progress.say(f"--- prompt {number}\n{prompt}\n")
        _run_step(context, Step("generate", str(dry_run.TASKS)), lock)
        with _open(context) as store:
            return dry_run.estimate(context, store)


def preflight(context: Context, stages: tuple[str, ...]) -> None:
    """Check files, models and memory; raise the first FactoryError. Loads no model."""
    recipe = context.loaded.recipe
    needs_student = [stage for stage in stages if stage in ("distill", "compress", "evaluate", "report")]
    if len(stages) == 1 and stages[0] in ("distill", "evaluate") and recipe.student is None:
        raise InputError(
            f"{context.loaded.path}: the recipe has no student, so there is nothing to {stages[0]}"
        )
    if stages == ("compress",) and recipe.compress is None:
        raise InputError(
            f"{context.loaded.path}: the recipe has no compress, so there is nothing to compress"
        )
    if stages == ("evaluate",) and recipe.evaluate is None:
        raise InputError(
            f"{context.loaded.path}: the recipe has no evaluate, so there is nothing to evaluate"
        )
    assert context.seeds and (context.held_out or recipe.evaluate is None)
    # Loads the person's file: what is wrong with it is told now.
    _ = context.own_tools
    context.kind.require(context.prepared(learns=bool(needs_student) and recipe.student is not None))
    key = recipe.teacher.api_key_env
    if key and not os.environ.get(key):
        raise InputError(
            f"the environment variable {key} (teacher.api_key_env) is not set", f"export {key}=..."
        )
    if not recipe.teacher.endpoints:
        _require_model(context.teacher, recipe.teacher.kv_cache_gb, recipe.limits.memory_gb, "the teacher")
    if recipe.student is not None and needs_student:
        _require_model(context.base, 0.0, recipe.limits.memory_gb, "the student")
        _require_chat_tokens(context)
        if any(stage.name == "distill" for stage in recipe.student.stages) and not recipe.teacher.endpoints:
            _require_same_tokens(context)
        if recipe.student.prune and context.base.ready:
            require_prunable(context.base.facts(), recipe.student.prune)
        if recipe.compress and context.base.ready:
            sets = machine()["instruction_sets"]
            require_compressible(
                recipe.compress, context.base.facts(), sets, gpu=has_gpu(), pruned=recipe.student.prune
            )


def _require_model(source: ModelSource, kv_cache_gb: float, limit_gb: float | None, what: str) -> None:
    weights = source.facts().weight_bytes if source.ready else 3 * BUNDLED[source.name].bytes
    require_memory(
        int(loaded_bytes(weights) * 1.2 + kv_cache_gb * 2**30 + RUNTIME_BYTES),
        f"{what} {source.name}",
        limit_gb,
    )


def _require_chat_tokens(context: Context) -> None:
    base = context.base
    if base.ready and (reason := context.chat_format.misfit(base.folder)):
        raise InputError(
            f"{context.loaded.path}: student.base: {base.name}: {reason}",
            f"Choose another base, or another student.format: {', '.join(FORMATS)}.",
        )


def _require_same_tokens(context: Context) -> None:
    if not (context.teacher.ready and context.base.ready):
        return
    # Only the tokenizers have to agree: behind them vocabularies are padded to different sizes.
    if context.teacher.facts().tokenizer_digest != context.base.facts().tokenizer_digest:
        raise InputError(
            f"the teacher {context.teacher.name} and the student's base {context.base.name} have different tokenizers, so their "
            "distributions cannot be compared",
            "Choose a base of the teacher's family, or train with sft alone: on the teacher's text, which needs no common tokenizer.",
        )


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < 2 * 2**30:
        raise FactoryError(
            f"{folder}: {free / 2**30:.1f} GB are free on its disk, 2 GB are needed",
            "Free space, or choose another folder with -w.",
        )


def _require_whole(store: Path) -> None:
    """Read every block of the store once a run: DuckDB itself would tell of a damaged one when it needs it,
    hours later or never."""
    if store.exists() and not (blocks := examine_blocks(store)).whole:
        raise FactoryError(
            f"{store} is damaged: {blocks.told()}", f"Nothing was changed. {doctor_hint(store)}"
        )


def _prepare_models(context: Context, lock: int) -> bool:
    recipe = context.loaded.recipe
    sources = ([] if recipe.teacher.endpoints else [context.teacher]) + (
        [context.base] if recipe.student else []
    )
    worked = False
    for source in sources:
        if source.name in BUNDLED and not source.ready:
            context.progress.say(f"prepare   {source.name}: converting to {source.folder} (once)")
            run_child(
                ["convert", source.name],
                environment={},
                lock=lock,
                log=context.workspace.logs / "convert.log",
            )
            worked = True
    return worked


def _open(context: Context) -> Store:
    return Store(context.workspace.store, context.workspace.ledger)


def enter_run(context: Context, store: Store, command: str) -> None:
    """Enter the run, its seeds and its plan, unless the latest run has the same recipe, plan and checks."""
    loaded, keys = context.loaded, context.suite().keys
    same = store.query(
        "SELECT 1 FROM current_run WHERE recipe_digest = ? AND plan_id = ? AND check_keys = ?",
        [loaded.digest, context.plan_id, keys],
    )
    if same:
        return
    known = {row["seed_id"] for row in store.query("SELECT seed_id FROM seeds")}
    new_seeds = {seed.seed_id: seed for seed in context.seeds if seed.seed_id not in known}
    started = now()
    store.commit(
        runs=[
            {
                "run_id": content_id([loaded.digest, context.plan_id, started.isoformat()]),
                "started_at": started,
                "command": command,
                "recipe_name": loaded.recipe.name,
                "recipe_digest": loaded.digest,
                "recipe_text": loaded.text,
                "plan_id": context.plan_id,
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


def _owed(stage: str, context: Context, worked: bool) -> Iterable[Step]:
    """Return what a stage owes; what follows from an earlier step of the same stage is looked at when that is
    done."""
    if stage == "recover":
        return _recovery(context)
    recipe = context.loaded.recipe
    with _open(context) as store:
        if stage == "generate":
            return [Step(stage)] if is_owed(context, store) else []
        if stage == "check":
            return [Step(stage)] if unjudged(context, store) else []
        if stage == "report":
            return [Step(stage)] if worked or not _is_reported(context, store) else []
        if recipe.student is None:
            return []
        samples = training_samples(store)
        if not samples:
            raise FactoryError(
                "no sample was accepted, so there is nothing to learn from",
                f"See why: factory audit yield_by_check -w {context.workspace.root}",
            )
        if stage == "distill":
            return [] if is_made(context, store, plan_student(context, samples)) else [Step(stage)]
        if (recipe.compress if stage == "compress" else recipe.evaluate) is None:
            return []
        _require_made(context, store, plan_student(context, samples), "student", "distill")
        if stage == "compress":
            return [] if is_made(context, store, plan_quantized(context, samples)) else [Step(stage)]
        if recipe.compress:
            _require_made(context, store, plan_quantized(context, samples), "compressed student", "compress")
        return _unmeasured(context, store)


def _require_made(context: Context, store: Store, planned: Planned, what: str, verb: str) -> None:
    if not is_made(context, store, planned):
        raise FactoryError(
            f"the {what} of {context.loaded.path} is not made yet",
            f"Make it first: factory {verb} {context.loaded.path} -w {context.workspace.root}",
        )


def _is_reported(context: Context, store: Store) -> bool:
    from factory.report.output import kept_report

    # An edited recipe is another run, even where it asks for no other work: another gate, a model made
    # before.
    (run,) = store.query("SELECT run_id FROM current_run")
    return (context.workspace.reports / "report.html").exists() and kept_report(
        context.workspace.reports, run["run_id"]
    ).exists()


def _recovery(context: Context) -> Iterator[Step]:
    """Yield the steps by which a compressed model that lost too much is trained, and measured again."""
    from factory.evaluate.candidate import candidates
    from factory.evaluate.gate import may_ship

    settings = context.loaded.recipe.compress
    if settings is None or context.loaded.recipe.evaluate is None:
        return
    with _open(context) as store:
        found = {candidate.role: candidate for candidate in candidates(context, store)}
        passed = may_ship(context, store, found["student_quantized"], found["student"])
        if passed or settings.recover is None:
            return
        made = is_made(context, store, plan_recovered(context, training_samples(store)))
    if not made:
        yield Step("recover")
    with _open(context) as store:
        owed = _unmeasured(context, store)
    yield from owed
    with _open(context) as store:
        found = {candidate.role: candidate for candidate in candidates(context, store)}
        may_ship(context, store, found["student_recovered"], found["student"])


def _unmeasured(context: Context, store: Store) -> list[Step]:
    from factory.evaluate.candidate import candidates

    done = {row["evaluation_id"] for row in store.query("SELECT DISTINCT evaluation_id FROM evaluations")}
    # One process for each model, not for each role: where teacher and base are the same model, it is loaded
    # once.
    roles: dict[Path, list[str]] = {}
    for candidate in candidates(context, store):
        if candidate.evaluation_id(context) not in done:
            roles.setdefault(candidate.folder, []).append(candidate.role)
    return [Step("evaluate", " ".join(together)) for together in roles.values()]


def _run_step(context: Context, step: Step, lock: int, against: str | None = None) -> None:
    context.progress.say(f"{step.stage:<9} {step.detail}".rstrip())
    if step.stage == "check":
        _check_here(context)
        return
    if step.stage == "report":
        _report_here(context, against)
        return
    environment = KEEP_MEMORY if step.stage in ("distill", "compress", "recover") else ENVIRONMENT
    log = context.workspace.logs / f"{step.stage}.log"
    try:
        run_child(
            [step.stage, str(context.loaded.path), str(context.workspace.root), step.detail],
            environment={**environment, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"},
            lock=lock,
            log=log,
            secret=context.loaded.recipe.teacher.api_key_env,
        )
    except ChildFailed:
        context.progress.say(f"the log is {log}")
        raise


def _check_here(context: Context) -> None:
    with _open(context) as store:
        context.progress.say(f"  {check(context, store)}")


def _report_here(context: Context, against: str | None) -> None:
    from factory.report.build import build_report

    with _open(context) as store:
        for path in build_report(context, store, against):
            context.progress.say(f"  {path}")
