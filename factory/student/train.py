"""Training: each stage of the recipe in turn on one LoRA adapter, then the merge into a model of its own.

Promise: after a kill training goes on from the last whole checkpoint, and a stage whose adapter was published is not trained again.
Adapter and merged model are written atomically. Trained weights are kept in float32 whatever the frozen ones are, because bfloat16 rounds
small updates away.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase, TrainerCallback
from trl import SFTConfig

from factory.artifact import publish, verify
from factory.context import Context
from factory.models.precision import fast_precision
from factory.progress import Progress, duration
from factory.recipe.model import DistillStage, SftStage
from factory.store.store import Store
from factory.student.artifacts import Planned, is_made, plan_adapters, plan_student, record, training_samples
from factory.student.rows import TrainingRow, build_row, student_template
from factory.student.trainers import AnswerTrainer, Collator, ContextDistillationTrainer, distillation_config

WHOLE = "whole"


def train(context: Context, store: Store) -> str:
    """Train and merge what is missing; return a line that sums it up."""
    samples = training_samples(store)
    tokenizer = student_tokenizer(context)
    adapters = plan_adapters(context, samples)
    rows = _rows(context, store, tokenizer) if any(not is_made(context, store, adapter) for _, adapter in adapters) else []
    before: Planned | None = None
    for stage, adapter in adapters:
        folder = context.workspace.models / adapter.name
        if not folder.exists():
            _train_stage(context, stage, adapter, before, rows, tokenizer)
            context.progress.say(f"  {stage.name}: {adapter.name} written")
        artifact = verify(folder)
        log = artifact.about.pop("training_log")
        if not store.query("SELECT 1 FROM training_log WHERE artifact_id = ?", [adapter.artifact_id]):
            store.commit(training_log=[entry | {"artifact_id": adapter.artifact_id, "stage": stage.name} for entry in log])
        record(context, store, adapter, artifact, {"train": samples})
        before = adapter
    merged = plan_student(context, samples)
    if not (context.workspace.models / merged.name).exists():
        assert before is not None
        context.progress.say("  merge: adapter into base")
        _merge(context, before, merged, tokenizer)
    record(context, store, merged, verify(context.workspace.models / merged.name), {"train": samples})
    return f"{merged.name} from {len(samples)} samples"


def student_tokenizer(context: Context) -> PreTrainedTokenizerBase:
    """Return the base's tokenizer with the student's chat template."""
    tokenizer = AutoTokenizer.from_pretrained(context.base.folder)
    tokenizer.chat_template = student_template(context.student.show_tools)
    return tokenizer


def _rows(context: Context, store: Store, tokenizer: PreTrainedTokenizerBase) -> list[TrainingRow]:
    teacher_here = not context.loaded.recipe.teacher.endpoints
    same = teacher_here and context.teacher.facts().tokenizer_digest == context.base.facts().tokenizer_digest
    teacher = AutoTokenizer.from_pretrained(context.teacher.folder) if same else tokenizer
    accepted = store.query(
        "SELECT t.sample_id, t.messages, t.tools, g.text, g.token_ids, g.messages AS teacher_messages "
        "FROM training_set t JOIN generations g USING (request_key) ORDER BY t.position"
    )
    return [build_row(sample, tokenizer, teacher, same_tokenizer=same) for sample in accepted]


def _train_stage(
    context: Context,
    stage: SftStage | DistillStage,
    adapter: Planned,
    before: Planned | None,
    rows: list[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    checkpoints = context.workspace.checkpoints / adapter.name
    resumed = _last_whole(checkpoints)
    model = _model(context, before)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    settings = stage.settings
    arguments: dict[str, Any] = {
        "output_dir": str(checkpoints),
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
        "gradient_checkpointing": False,
        "remove_unused_columns": False,
        "max_length": None,
        "dataloader_pin_memory": False,
    }
    dataset = Dataset.from_list([_columns(row, with_teacher=stage.name == "distill") for row in rows])
    callbacks = [_WholeCheckpoints(), _Live(context.progress, stage.name, settings.steps)]
    if isinstance(stage, SftStage):
        trainer: Any = AnswerTrainer(
            model=model,
            args=SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}),
            train_dataset=dataset,
            data_collator=Collator(pad, with_teacher=False),
            processing_class=tokenizer,
            callbacks=callbacks,
        )
    else:
        trainer = ContextDistillationTrainer(
            model=model,
            teacher_model=AutoModelForCausalLM.from_pretrained(context.teacher.folder, dtype=_dtype(context)),
            args=distillation_config(**arguments, beta=stage.distill.beta),
            train_dataset=dataset,
            data_collator=Collator(pad, with_teacher=True),
            processing_class=tokenizer,
            callbacks=callbacks,
            weight=stage.distill.weight,
            loss_temperature=stage.distill.temperature,
        )
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    log = [
        {"step": entry["step"], "metric": metric, "value": float(entry[metric])}
        for entry in trainer.state.log_history
        for metric in ("loss", "cross_entropy", "divergence", "learning_rate", "grad_norm")
        if metric in entry
    ]
    with publish(context.workspace.models / adapter.name, adapter.about | {"training_log": log}) as staging:
        trainer.model.save_pretrained(staging)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _model(context: Context, before: Planned | None) -> Any:
    base = AutoModelForCausalLM.from_pretrained(context.base.folder, dtype=_dtype(context))
    base.config.use_cache = False
    if before is not None:
        return PeftModel.from_pretrained(base, context.workspace.models / before.name, is_trainable=True)
    adapter = context.student.adapter
    torch.manual_seed(context.loaded.recipe.seed)
    config = LoraConfig(
        r=adapter.rank, lora_alpha=adapter.alpha, lora_dropout=adapter.dropout, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(base, config)


def _dtype(context: Context) -> torch.dtype:
    wanted = fast_precision() if context.student.precision == "auto" else context.student.precision
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def _merge(context: Context, adapter: Planned, merged: Planned, tokenizer: PreTrainedTokenizerBase) -> None:
    base = AutoModelForCausalLM.from_pretrained(context.base.folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, context.workspace.models / adapter.name).merge_and_unload().to(torch.bfloat16)
    with publish(context.workspace.models / merged.name, merged.about) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)


def _columns(row: TrainingRow, *, with_teacher: bool) -> dict[str, Any]:
    columns: dict[str, Any] = {"input_ids": row.input_ids, "labels": row.labels}
    if with_teacher:
        columns |= {"teacher_ids": row.teacher_ids, "call_start": row.call_start, "call_length": row.call_length}
    return columns


def _last_whole(checkpoints: Path) -> Path | None:
    """Return the latest checkpoint that was written to its end; torn ones are removed."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if (folder / WHOLE).exists():
            whole.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


class _WholeCheckpoints(TrainerCallback):
    """Marks a checkpoint when all of it is on disk: the Trainer writes file by file into the final name."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        os.sync()
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()


class _Live(TrainerCallback):
    """Shows step, loss, speed and time left."""

    def __init__(self, progress: Progress, stage: str, steps: int):
        self._progress, self._stage, self._steps = progress, stage, steps
        self._first: tuple[int, float] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._first = (state.global_step, time.monotonic())
        if state.global_step:
            self._progress.say(f"  {self._stage}: going on from step {state.global_step}")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs or self._first is None:
            return
        step, started = self._first
        done = max(state.global_step - step, 1)
        pace = (time.monotonic() - started) / done
        parts = "".join(f"  {name.replace('_', ' ')} {logs[name]:.3f}" for name in ("cross_entropy", "divergence") if name in logs)
        self._progress.update(
            f"  {self._stage}  step {state.global_step}/{self._steps}  loss {logs['loss']:.3f}{parts}  {pace:.1f} s/step  "
            f"{duration(pace * (self._steps - state.global_step))} left",
            now=state.global_step == self._steps,
        )
