"""Checks before the first model loads: recipe, tasks, models, memory, disk, store."""

import itertools
import os
import shutil
from pathlib import Path

from factory.chat_formats.auto import AUTO
from factory.context.data_faults import shared_tasks
from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import FactoryError, InputError
from factory.models.bundled import BUNDLED
from factory.models.precision import loaded_bytes
from factory.models.resolve import ModelSource
from factory.pipeline.stages import load_stage
from factory.store.blocks import examine_blocks
from factory.store.store import doctor_hint
from factory.system.machine import require_memory
from factory.tasks.known import require_answers

RUNTIME_BYTES = 3 * 2**29  # Python, torch and vLLM themselves, measured with a tiny model


def preflight(plan: Plan, stages: tuple[str, ...]) -> None:
    """Check what the stages need; raise the first FactoryError. Loads no model."""
    recipe = plan.run.loaded.recipe
    for part in load_stage(stages[0]).needs if len(stages) == 1 else ():
        if getattr(recipe, part) is None:
            raise InputError(
                f"{plan.run.loaded.path}: the recipe has no {part}, so there is nothing to {stages[0]}"
            )
    due = [stage for stage in map(load_stage, stages) if not missing_parts(plan, stage.needs)]
    loads = {role for stage in due for role in stage.loads}
    learns = any("student" in stage.needs for stage in due)
    if learns:
        _require_format(plan.run)
    for source in plan.plans:
        assert source.seeds and (source.held_out or source.source.held_out is None)
        for note in (*source.seed_notes, *source.tool_file.notes):
            plan.run.progress.say(f"note: {note}")
        _ = source.custom_tools  # loads the person's file: what is wrong with it is an error now
        if source.data.answers != "teacher":
            require_answers(source.seeds)
        source.kind.require(source.prepared(learns=learns))
    plans = plan.plans
    for told in shared_tasks(
        itertools.chain.from_iterable(each.seeds for each in plans),
        itertools.chain.from_iterable(each.held_out for each in plans),
    ):
        plan.run.progress.say(f"note: {told}")
    if "teacher" in loads:
        _require_teacher(plan)
    if "base" in loads:
        _require_model(plan.run.base, 0.0, recipe.limits.memory_gb, "the student")
    for stage in due:
        stage.preflight(plan)


def missing_parts(plan: Plan, needs: tuple[str, ...]) -> list[str]:
    """Return the parts of a recipe that a stage needs and this one lacks: then the stage has nothing to
    do."""
    return [part for part in needs if getattr(plan.run.loaded.recipe, part) is None]


def require_workspace(root: Path, store: Path) -> None:
    """Raise FactoryError if the disk is nearly full or the store is damaged."""
    free = shutil.disk_usage(root).free
    if free < 2 * 2**30:
        raise FactoryError(
            f"{root}: {free / 2**30:.1f} GB are free on its disk, 2 GB are needed",
            "Free space, or choose another folder with -w.",
        )
    # Every block is read once a run: DuckDB itself would find a damaged one when it needs it, hours later or
    # never.
    if store.exists() and not (blocks := examine_blocks(store)).whole:
        raise FactoryError(
            f"{store} is damaged: {blocks.told()}", f"Nothing was changed. {doctor_hint(store)}"
        )


def _require_teacher(plan: Plan) -> None:
    teacher = plan.run.loaded.recipe.teacher
    key = teacher.api_key_env
    if key and not os.environ.get(key):
        raise InputError(
            f"the environment variable {key} (teacher.api_key_env) is not set", f"export {key}=..."
        )
    if not teacher.endpoints:
        limit = plan.run.loaded.recipe.limits.memory_gb
        _require_model(plan.run.teacher, teacher.kv_cache_gb, limit, "the teacher")
        _require_chat(plan)


def _require_chat(plan: Plan) -> None:
    """Raise InputError if the teacher cannot be asked, or not at the length that the recipe wants."""
    source, recipe = plan.run.teacher, plan.run.loaded
    if not source.ready:
        return
    facts, length = source.facts(), recipe.recipe.teacher.max_model_len
    if not facts.has_chat_template:
        raise InputError(
            f"{recipe.path}: teacher.model: {source.name} has no chat template: nothing can be asked of it",
            "A model without one was only pretrained: name the one that was made from it for conversations, "
            "mostly called -instruct, -it or -chat.",
        )
    if facts.positions is not None and length > facts.positions:
        raise InputError(
            f"{recipe.path}: teacher.max_model_len: {length:,} tokens, and {source.name} was made for "
            f"{facts.positions:,}",
            f"Write {facts.positions} or less.",
        )


def _require_format(run: Run) -> None:
    """Say which chat format was chosen for the student; raise InputError if it cannot write what is
    learnt."""
    chosen = run.chat_format
    if run.student.format == AUTO:
        run.progress.say(f"student.format: {run.chat_choice.why}")
    if not run.base.ready or chosen.misfit(run.base.folder):
        return  # the stage that trains says so
    if any(source.kind.calls_tools for source in run.loaded.recipe.sources) and chosen.no_calls:
        raise InputError(
            f"{run.loaded.path}: student.format: {run.chat_choice.name}: {run.base.name} has a chat template "
            f"of its own that has no calls of tools: {chosen.no_calls}",
            "Name another student.format, or another base.",
        )
    chosen.chat_template(show_tools=run.student.show_tools)


def _require_model(source: ModelSource, kv_cache_gb: float, limit_gb: float | None, what: str) -> None:
    weights = source.facts().weight_bytes if source.ready else 3 * BUNDLED[source.name].bytes
    require_memory(
        int(loaded_bytes(weights) * 1.2 + kv_cache_gb * 2**30 + RUNTIME_BYTES),
        f"{what} {source.name}",
        limit_gb,
    )
