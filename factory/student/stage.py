"""One stage of training: the rows that can be learnt from, the trainer that fits, the adapter at its end.

Promise: after a kill training goes on from the last whole checkpoint. A row that cannot be learnt from is left out with a reason and a
count; a stage with none left stops. The adapter is written atomically, with its log and with what was left out. Trained weights are kept in
float32 whatever the frozen ones are, because bfloat16 rounds small updates away.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase
from trl import SFTConfig

from factory.artifact import publish
from factory.context import Context
from factory.errors import FactoryError
from factory.models.precision import fast_precision
from factory.recipe.distill import Distill
from factory.recipe.model import DistillStage, SftStage
from factory.student.artifacts import Planned
from factory.student.batch import Collator
from factory.student.cache import open_cache
from factory.student.checkpoints import PARTS, Live, WholeCheckpoints, last_whole
from factory.student.losses.layers import pairs
from factory.student.rows import CLOSING, TrainingRow
from factory.student.schedule import moment
from factory.student.trainers import AnswerTrainer, DistillTrainer, Lesson, TeacherTrainer, gkd_config

_LOGGED = ("loss", *PARTS, "learning_rate", "grad_norm")


def train_stage(
    context: Context,
    stage: SftStage | DistillStage,
    adapter: Planned,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Train the stage to its end and publish its adapter, which goes on from `before`."""
    checkpoints = context.workspace.checkpoints / adapter.name
    resumed = last_whole(checkpoints)
    usable, left_out = _usable(context, stage, rows)
    trainer = make_trainer(context, stage, before, usable, tokenizer, str(checkpoints))
    trainer.add_callback(WholeCheckpoints())
    trainer.add_callback(Live(context.progress, stage.name, stage.settings.steps))
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    log = [
        {"step": entry["step"], "metric": metric, "value": float(entry[metric])}
        for entry in trainer.state.log_history
        for metric in _LOGGED
        if metric in entry
    ]
    with publish(context.workspace.models / adapter.name, adapter.about | {"training_log": log, "left_out": left_out}) as staging:
        trainer.model.save_pretrained(staging)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _usable(context: Context, stage: SftStage | DistillStage, rows: Sequence[TrainingRow]) -> tuple[list[TrainingRow], dict[str, str]]:
    """Return the rows that the stage can learn from, and the reasons by sample id of the others."""
    if isinstance(stage, SftStage):
        return list(rows), {}
    needed = _stored_tokens(stage.distill)
    left_out = {}
    for row in rows:
        if needed and row.fault:
            left_out[row.sample_id] = row.fault
        elif min(map(len, row.topk_ids), default=needed) < needed:
            left_out[row.sample_id] = "too_few_logprobs"
        elif stage.distill.teacher != "stored" and not row.teacher_ids:
            left_out[row.sample_id] = "no_teacher"
    usable = [row for row in rows if row.sample_id not in left_out]
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(left_out.values()).items()))
    if left_out:
        context.progress.say(f"  {stage.name}: {len(left_out)} of {len(rows)} samples are left out: {told}")
    if not usable:
        raise FactoryError(
            f"{stage.name}: none of the {len(rows)} samples can be learnt from: {told}",
            "Stored logprobs need teacher.logprobs when the data is made, and a base with the teacher's tokenizer. "
            "Without them: train with sft alone, on the teacher's text.",
        )
    return usable, left_out


def _stored_tokens(settings: Distill) -> int:
    """Return how many stored tokens of each position the stage needs, 0 for none."""
    needed = [moment(settings, step, 1).top_k or 0 for step in range(settings.steps)]
    return max(needed)


def make_trainer(
    context: Context,
    stage: SftStage | DistillStage,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
    checkpoints: str,
) -> Any:
    """Return the trainer that fits the stage, models loaded, ready for `train`."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    arguments = _arguments(context, stage, checkpoints)
    shared: dict[str, Any] = {"data_collator": Collator(pad), "processing_class": tokenizer}
    if isinstance(stage, SftStage):
        shared["train_dataset"] = Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
        return AnswerTrainer(model=load_student(context, before), args=_sft_config(arguments), **shared)
    settings = stage.distill
    shared["train_dataset"] = Dataset.from_list([_columns(row, i, settings) for i, row in enumerate(rows)])
    shared["lesson"] = lesson = _lesson(context, settings, rows)
    if settings.teacher == "in_process":
        teacher = AutoModelForCausalLM.from_pretrained(context.teacher.folder, dtype=training_dtype(context))
        closing = tokenizer.encode(CLOSING, add_special_tokens=False)
        config = gkd_config(settings, context.loaded.recipe.teacher.sampling.max_tokens, **arguments)
        return TeacherTrainer(model=load_student(context, before), teacher_model=teacher, closing=closing, args=config, **shared)
    cache = None
    if settings.teacher == "cache":
        cache = open_cache(
            context.workspace.root / "cache",
            context.teacher.folder,
            context.teacher.revision,
            rows,
            [theirs for _, theirs in lesson.layers],
            training_dtype(context),
            most_bytes=int(settings.cache_gb * 2**30),
            pad=pad,
            progress=context.progress,
        )
    return DistillTrainer(model=load_student(context, before), cache=cache, args=_sft_config(arguments), **shared)


def _lesson(context: Context, settings: Distill, rows: Sequence[TrainingRow]) -> Lesson:
    stored = max((len(ids) for row in rows for ids in row.topk_ids), default=0)
    if settings.hidden is None:
        return Lesson(settings, stored)
    student, teacher = context.base.facts(), context.teacher.facts()
    layers = settings.hidden.layers or pairs(settings.hidden.depths, student.layers, teacher.layers)
    for own, theirs in layers:
        if own > student.layers or theirs > teacher.layers:
            raise FactoryError(
                f"{context.loaded.path}: hidden.layers: there is no pair [{own}, {theirs}]: the student has {student.layers} layers, the "
                f"teacher {teacher.layers}",
                "Choose others, or say depths.",
            )
    return Lesson(settings, stored, layers, teacher.hidden_size)


def _columns(row: TrainingRow, index: int, settings: Distill) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "row": index,
        "input_ids": row.input_ids,
        "labels": row.labels,
        "call_start": row.call_start,
        "call_length": row.call_length,
    }
    if most := _stored_tokens(settings):
        columns["topk_ids"] = [ids[:most] for ids in row.topk_ids] if settings.teacher != "stored" else row.topk_ids
        columns["topk_logprobs"] = [logs[:most] for logs in row.topk_logprobs] if settings.teacher != "stored" else row.topk_logprobs
    return columns | ({"teacher_ids": row.teacher_ids} if settings.teacher == "in_process" else {})


def _arguments(context: Context, stage: SftStage | DistillStage, checkpoints: str) -> dict[str, Any]:
    settings = stage.settings
    return {
        "output_dir": checkpoints,
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "warmup_steps": int(settings.warmup * settings.steps),
        "lr_scheduler_type": "cosine",
        "logging_steps": 1,
        "save_steps": min(settings.save_every, settings.steps),
        "save_total_limit": 2,
        "seed": context.loaded.recipe.seed,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": False,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "train_sampling_strategy": "group_by_length" if settings.group_by_length else "random",
        "remove_unused_columns": False,
        "max_length": None,
        "dataloader_pin_memory": False,
    }


def _sft_config(arguments: dict[str, Any]) -> SFTConfig:
    return SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True})


def load_student(context: Context, before: Planned | None) -> Any:
    """Return the base with a new adapter, or with the one that `before` stands for, ready to be trained."""
    base = AutoModelForCausalLM.from_pretrained(context.base.folder, dtype=training_dtype(context))
    base.config.use_cache = False
    if before is not None:
        return PeftModel.from_pretrained(base, context.workspace.models / before.name, is_trainable=True)
    adapter = context.student.adapter
    torch.manual_seed(context.loaded.recipe.seed)
    config = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha, lora_dropout=adapter.dropout, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(base, config)


def training_dtype(context: Context) -> torch.dtype:
    """Return the number format of frozen weights."""
    wanted = fast_precision() if context.student.precision == "auto" else context.student.precision
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32
