"""One stage of training: the rows that can be learnt from, the trainer that fits, the adapter at its end.

Promise: after a kill training goes on from the last whole checkpoint. A row that cannot be learnt from is
left out with a reason and a count; a stage with none left stops. The adapter is written atomically, with its
log and with what was left out.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, EarlyStoppingCallback, PreTrainedTokenizerBase
from trl import SFTConfig

from factory.context.lineage import Planned
from factory.context.run import Run
from factory.context.training_set import spread
from factory.errors import FactoryError
from factory.models.artifact import publish
from factory.models.folder import inspect
from factory.models.precision import fast_precision
from factory.recipe.distill import Distill
from factory.recipe.model import DistillStage, SftStage
from factory.recipe.training import Training
from factory.student.adapter import further_student, new_student
from factory.student.batch import Collator
from factory.student.cache import open_cache
from factory.student.checkpoints import PARTS, Live, WholeCheckpoints, last_whole
from factory.student.losses.layers import pairs
from factory.student.schedule import step_settings
from factory.student.trainers import DistillSpec, DistillTrainer, OnlineDistillTrainer, SftTrainer, gkd_config
from factory.student.trl_arguments import training_arguments
from factory.student.validation import METRICS, set_aside
from factory.tasks.multitask import LABEL
from factory.tasks.rows import CLOSING, TrainingRow

# Why a sample that could be learnt from is not: it was set aside; the stage ends before it has seen as many.
WATCHED, UNREAD = "watched", "unread"
_LOGGED = (
    "loss",
    *PARTS,
    "learning_rate",
    "grad_norm",
    "tokens_per_s",
    *(f"eval_{name}" for name in METRICS),
)


def train_stage(
    context: Run,
    stage: SftStage | DistillStage,
    base: Path,
    adapter: Planned,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Train the stage to its end and publish its adapter, which stands on the model `base` and goes on from
    `before`."""
    checkpoints = context.workspace.checkpoints / adapter.name
    resumed = last_whole(checkpoints)
    usable, left_out = _usable(context, stage, rows)
    usable, left_out = _within_reach(context, stage, usable, left_out)
    watch = stage.settings.watch
    learnt, _ = _set_aside(context, stage, usable)
    stay = {usable[place].sample_id for place in learnt}
    left_out |= {row.sample_id: WATCHED for row in usable if row.sample_id not in stay}
    trainer = make_trainer(context, stage, base, before, usable, tokenizer, str(checkpoints))
    trainer.add_callback(WholeCheckpoints())
    if watch is not None and watch.patience is not None:
        trainer.add_callback(EarlyStoppingCallback(watch.patience))
    trainer.add_callback(Live(context.progress, stage.name, stage.settings.steps))
    trainer.run(resumed)
    if watch is not None:
        context.progress.say(
            f"  {stage.name}: the student after step {trainer.state.best_global_step} did best and is kept"
        )
    log = trainer.logged(_LOGGED)
    with publish(
        context.workspace.models / adapter.name, adapter.about | {"training_log": log, "left_out": left_out}
    ) as staging:
        trainer.finished().save_pretrained(staging)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _usable(
    context: Run, stage: SftStage | DistillStage, rows: Sequence[TrainingRow]
) -> tuple[list[TrainingRow], dict[str, str]]:
    """Return the rows that the stage can learn from, and the reasons by sample id of the others."""
    if isinstance(stage, SftStage):
        return list(rows), {}
    needed = _stored_tokens(stage.distill)
    left_out = {}
    for row in rows:
        if row.task == LABEL:
            # The teacher wrote nothing of it: its answer is learnt, nothing else, as long as its rationale
            # is.
            continue
        if needed and row.fault:
            left_out[row.sample_id] = row.fault
        elif min(map(len, row.topk_ids), default=needed) < needed:
            left_out[row.sample_id] = "too_few_logprobs"
        elif stage.distill.teacher != "stored" and not row.teacher_ids:
            left_out[row.sample_id] = "no_teacher"
    usable = [row for row in rows if row.sample_id not in left_out]
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(left_out.values()).items()))
    if left_out:
        context.progress.say(
            f"  {stage.name}: {len(left_out)} of {len({row.sample_id for row in rows})} samples are left out: {told}"
        )
    if not any(row.taught_length for row in usable):
        raise FactoryError(
            f"{stage.name}: none of the {len({row.sample_id for row in rows})} samples can be learnt from: {told}",
            "Stored logprobs need teacher.logprobs when the data is made, and a base with the teacher's tokenizer. "
            "Without them: train with sft alone, on the teacher's text.",
        )
    return usable, left_out


def _within_reach(
    context: Run, stage: SftStage | DistillStage, rows: list[TrainingRow], left_out: dict[str, str]
) -> tuple[list[TrainingRow], dict[str, str]]:
    """Leave out what a stage with a cache ends before it has seen: the teacher reads no sample for
    nothing."""
    if isinstance(stage, SftStage) or stage.distill.teacher != "cache":
        return rows, left_out
    learnt, watched = _set_aside(context, stage, rows)
    samples = list(dict.fromkeys(rows[place].sample_id for place in learnt))
    stay = {
        *spread(samples, stage.settings.steps * stage.settings.batch_size),
        *(rows[place].sample_id for place in watched),
    }
    unread = {sample: UNREAD for sample in samples if sample not in stay}
    return [row for row in rows if row.sample_id not in unread], left_out | unread


def _set_aside(
    context: Run, stage: SftStage | DistillStage, rows: Sequence[TrainingRow]
) -> tuple[list[int], list[int]]:
    watch = stage.settings.watch
    share = watch.share if watch else 0.0
    return set_aside(rows, share, context.student.set_aside, taught=isinstance(stage, DistillStage))


def _stored_tokens(settings: Distill) -> int:
    """Return how many stored tokens of each position the stage needs, 0 for none."""
    needed = [step_settings(settings, step, 1).top_k or 0 for step in range(settings.steps)]
    return max(needed)


def make_trainer(
    context: Run,
    stage: SftStage | DistillStage,
    base: Path,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
    checkpoints: str,
) -> Any:
    """Return the trainer that fits the stage, models loaded, ready for `train`."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    arguments = _arguments(context, stage, checkpoints)
    shared: dict[str, Any] = {"data_collator": Collator(pad), "processing_class": tokenizer}

    def share_out(columns: list[dict[str, Any]]) -> None:
        columns = _weighted(columns, rows, stage.settings)
        learnt, watched = _set_aside(context, stage, rows)
        shared["train_dataset"] = Dataset.from_list([columns[place] for place in learnt])
        if watched:
            shared["eval_dataset"] = Dataset.from_list([columns[place] for place in watched])

    if isinstance(stage, SftStage):
        share_out([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
        return SftTrainer(
            model=_student(context, base, before, tokenizer), args=_sft_config(arguments), **shared
        )
    settings = stage.distill
    most = _stored_tokens(settings)
    share_out([_columns(row, i, settings, most) for i, row in enumerate(rows)])
    shared["spec"] = spec = _lesson(context, base, settings, rows)
    if settings.teacher == "in_process":
        teacher = AutoModelForCausalLM.from_pretrained(context.teacher.folder, dtype=training_dtype(context))
        closing = (
            tokenizer.encode(CLOSING, add_special_tokens=False)
            if context.loaded.recipe.data.kind == "tool_call"
            else []
        )
        config = gkd_config(settings, context.loaded.recipe.teacher.sampling.max_tokens, **arguments)
        return OnlineDistillTrainer(
            model=_student(context, base, before, tokenizer),
            teacher_model=teacher,
            closing=closing,
            args=config,
            **shared,
        )
    cache = None
    if settings.teacher == "cache":
        cache = open_cache(
            context.workspace.root / "cache",
            context.teacher.folder,
            context.teacher.revision,
            rows,
            [theirs for _, theirs in spec.layers],
            training_dtype(context),
            most_bytes=int(settings.cache_gb * 2**30),
            pad=pad,
        )
    return DistillTrainer(
        model=_student(context, base, before, tokenizer), cache=cache, args=_sft_config(arguments), **shared
    )


def _lesson(context: Run, base: Path, settings: Distill, rows: Sequence[TrainingRow]) -> DistillSpec:
    stored = max((len(ids) for row in rows for ids in row.topk_ids), default=0)
    if settings.hidden is None:
        return DistillSpec(settings, stored)
    student, teacher = inspect(base), context.teacher.facts()
    layers = settings.hidden.layers or pairs(settings.hidden.depths, student.layers, teacher.layers)
    for own, theirs in layers:
        if own > student.layers or theirs > teacher.layers:
            raise FactoryError(
                f"{context.loaded.path}: hidden.layers: there is no pair [{own}, {theirs}]: the student has {student.layers} layers, the "
                f"teacher {teacher.layers}",
                "Choose others, or say depths.",
            )
    return DistillSpec(settings, stored, layers, teacher.hidden_size)


def _columns(row: TrainingRow, index: int, settings: Distill, most: int) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "row": index,
        "input_ids": row.input_ids,
        "labels": row.labels,
        "taught_start": row.taught_start,
        "taught_length": row.taught_length,
    }
    if most:
        columns["topk_ids"] = (
            [ids[:most] for ids in row.topk_ids] if settings.teacher != "stored" else row.topk_ids
        )
        columns["topk_logprobs"] = (
            [logs[:most] for logs in row.topk_logprobs] if settings.teacher != "stored" else row.topk_logprobs
        )
    # A row that the teacher wrote nothing of still has a place in the teacher's batch.
    return columns | (
        {"teacher_ids": row.teacher_ids or row.input_ids[:1]} if settings.teacher == "in_process" else {}
    )


def _weighted(
    columns: list[dict[str, Any]], rows: Sequence[TrainingRow], settings: Training
) -> list[dict[str, Any]]:
    """Return the columns with what each token counts, if not all count the same."""
    if settings.call_weight == 1 and all(row.weight == 1 for row in rows):
        return columns
    return [
        column | {"weights": row.weights(settings.call_weight)}
        for column, row in zip(columns, rows, strict=True)
    ]


def _arguments(context: Run, stage: SftStage | DistillStage, checkpoints: str) -> dict[str, Any]:
    settings, watching = stage.settings, {}
    if (watch := settings.watch) is not None:
        watching = {
            "eval_strategy": "steps",
            "eval_steps": watch.every,
            "per_device_eval_batch_size": settings.batch_size,
            "save_steps": watch.every,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_divergence"
            if isinstance(stage, DistillStage)
            else "eval_cross_entropy",
            "greater_is_better": False,
            # Or patience would begin anew after a kill.
            "restore_callback_states_from_checkpoint": True,
        }
    common = training_arguments(
        checkpoints,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup=settings.warmup,
        save_every=settings.save_every,
        seed=context.loaded.recipe.seed,
    )
    common |= {
        "gradient_checkpointing": settings.gradient_checkpointing,
        "train_sampling_strategy": "group_by_length" if settings.group_by_length else "random",
    }
    return common | watching


def _sft_config(arguments: dict[str, Any]) -> SFTConfig:
    return SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True})


def _student(context: Run, base: Path, before: Planned | None, tokenizer: PreTrainedTokenizerBase) -> Any:
    adapter, dtype = context.student.adapter, training_dtype(context)
    if before is None:
        return new_student(base, adapter, tokenizer, dtype, context.loaded.recipe.seed, context.progress.say)
    return further_student(base, adapter, context.workspace.models / before.name, tokenizer, dtype)


def training_dtype(context: Run) -> torch.dtype:
    """Return the number format of frozen weights."""
    wanted = fast_precision() if context.student.precision == "auto" else context.student.precision
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32
