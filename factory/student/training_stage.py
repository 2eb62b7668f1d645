"""One stage of training: the rows that can be learnt from, the trainer that fits, the adapter at its end.

Promise: after a kill training resumes from the last complete checkpoint. A row that cannot be learnt from is
left out with a reason and a count; a stage with none left stops. The adapter is written atomically, with its
log and with what was left out.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
from factory.student.batch import Collator
from factory.student.cache import open_cache
from factory.student.checkpoints import PARTS, Live, WholeCheckpoints, last_whole
from factory.student.distill_spec import DistillSpec, gkd_config
from factory.student.distill_trainer import DistillTrainer
from factory.student.losses.layers import pairs
from factory.student.model import further_student, new_student
from factory.student.online_distill_trainer import OnlineDistillTrainer
from factory.student.sft_trainer import SftTrainer
from factory.student.step_settings import stored_tokens
from factory.student.trackers import report_to_trackers
from factory.student.trl_arguments import training_arguments
from factory.student.validation import CHOICE, METRICS, set_aside
from factory.tasks.rows import TeacherSpan, TrainingRow
from factory.tasks.teacher_words import Fault
from factory.text.reasons import ReasonCode, sentence

# Why a sample that could be learnt from is not: it was set aside; the stage ends before it has seen as many.
WATCHED: ReasonCode = "watched"
UNREAD: ReasonCode = "unread"
_LOGGED = (
    "loss",
    *PARTS,
    "learning_rate",
    "grad_norm",
    "tokens_per_s",
    *(f"eval_{name}" for name in METRICS),
)


def train_stage(
    run: Run,
    stage: SftStage | DistillStage,
    base: Path,
    adapter: Planned,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Train the stage to its end and publish its adapter, which belongs to the model `base` and continues
    from `before`."""
    checkpoints = run.workspace.checkpoints / adapter.name
    usable, left_out = _usable(run, stage, rows)
    usable, left_out = _within_reach(run, stage, usable, left_out)
    learnt, _ = _set_aside(run, stage, usable)
    stay = {usable[place].sample_id for place in learnt}
    left_out |= {row.sample_id: WATCHED for row in usable if row.sample_id not in stay}
    trainer = make_trainer(run, stage, base, before, usable, tokenizer, str(checkpoints))
    to_the_end(run, stage, adapter, trainer, left_out)


def to_the_end(
    run: Run,
    stage: SftStage | DistillStage,
    adapter: Planned,
    trainer: Any,
    left_out: dict[str, ReasonCode],
) -> None:
    """Train, from the last whole checkpoint where there is one, and publish the adapter."""
    checkpoints, validation = run.workspace.checkpoints / adapter.name, stage.settings.validation
    resumed = last_whole(checkpoints)
    trainer.add_callback(WholeCheckpoints())
    if validation is not None and validation.patience is not None:
        trainer.add_callback(EarlyStoppingCallback(validation.patience))
    trainer.add_callback(Live(run.progress, stage.name, stage.settings.steps))
    report_to_trackers(run, trainer, adapter.artifact_id)
    trainer.run(resumed)
    if validation is not None:
        run.progress.say(
            f"  {stage.name}: the student after step {trainer.state.best_global_step} did best and is kept"
        )
    log = trainer.logged(_LOGGED)
    with publish(
        run.workspace.models / adapter.name, adapter.about | {"training_log": log, "left_out": left_out}
    ) as staging:
        trainer.finished().save_pretrained(staging)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _usable(
    run: Run, stage: SftStage | DistillStage, rows: Sequence[TrainingRow]
) -> tuple[list[TrainingRow], dict[str, ReasonCode]]:
    """Return the rows that the stage can learn from, and the reasons by sample id of the others."""
    if isinstance(stage, SftStage):
        return list(rows), {}
    needed, is_read = stored_tokens(stage.distill), stage.distill.teacher != "stored"
    left_out: dict[str, ReasonCode] = {}
    taught = []
    for row in rows:
        faults = [_fault(span, needed, is_read) for span in row.spans]
        if row.spans and all(faults):
            left_out[row.sample_id] = faults[0] or "no_teacher"
        pairs = zip(row.spans, faults, strict=True)
        taught.append(replace(row, spans=tuple(span for span, fault in pairs if not fault)))
    # An answer alone, of which the teacher wrote nothing, is learnt as long as its rationale is.
    usable = [row for row in taught if row.sample_id not in left_out]
    reasons = ", ".join(
        f"{count} {reason} ({sentence(reason)})"
        for reason, count in sorted(Counter(left_out.values()).items())
    )
    samples = len({row.sample_id for row in rows})
    if left_out:
        run.progress.say(f"  {stage.name}: {len(left_out)} of {samples} samples are left out: {reasons}")
    if not any(row.spans for row in usable):
        raise FactoryError(
            f"{stage.name}: none of the {samples} samples can be learnt from: {reasons}",
            "Stored logprobs need teacher.logprobs when the data is made, and a base with the teacher's "
            "tokenizer. Without them: train with sft alone, on the teacher's text.",
        )
    return usable, left_out


def _fault(span: TeacherSpan, needed: int, is_read: bool) -> Fault:
    """Return why a stage cannot learn from the teacher at a span, where it needs so many stored tokens of
    each position, `is_read`: and the teacher's side."""
    if not span.length or (needed and span.fault):
        return span.fault
    if min(map(len, span.topk_ids), default=needed) < needed:
        return "too_few_logprobs"
    return "no_teacher" if is_read and not span.teacher_ids else ""


def _within_reach(
    run: Run, stage: SftStage | DistillStage, rows: list[TrainingRow], left_out: dict[str, ReasonCode]
) -> tuple[list[TrainingRow], dict[str, ReasonCode]]:
    """Leave out what a stage with a cache ends before it has seen: the teacher reads no sample for
    nothing."""
    if isinstance(stage, SftStage) or stage.distill.teacher != "cache":
        return rows, left_out
    learnt, watched = _set_aside(run, stage, rows)
    samples = list(dict.fromkeys(rows[place].sample_id for place in learnt))
    stay = {
        *spread(samples, stage.settings.steps * stage.settings.batch_size),
        *(rows[place].sample_id for place in watched),
    }
    unread = {sample: UNREAD for sample in samples if sample not in stay}
    return [row for row in rows if row.sample_id not in unread], left_out | unread


def _set_aside(
    run: Run, stage: SftStage | DistillStage, rows: Sequence[TrainingRow]
) -> tuple[list[int], list[int]]:
    validation = stage.settings.validation
    share = validation.share if validation else 0.0
    return set_aside(rows, share, run.student.validation_share, distilled=isinstance(stage, DistillStage))


def make_trainer(
    run: Run,
    stage: SftStage | DistillStage,
    base: Path,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
    checkpoints: str,
) -> Any:
    """Return the trainer that fits the stage, models loaded, ready for `train`."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    arguments = stage_arguments(run, stage, checkpoints)
    shared: dict[str, Any] = {"data_collator": Collator(pad), "processing_class": tokenizer}

    def share_out(columns: list[dict[str, Any]]) -> None:
        samples = {name: place for place, name in enumerate(dict.fromkeys(row.sample_id for row in rows))}
        columns = [each | {"sample": samples[row.sample_id]} for each, row in zip(columns, rows, strict=True)]
        columns = _weighted(columns, rows, stage.settings)
        learnt, watched = _set_aside(run, stage, rows)
        shared["train_dataset"] = Dataset.from_list([columns[place] for place in learnt])
        if watched:
            shared["eval_dataset"] = Dataset.from_list([columns[place] for place in watched])

    if isinstance(stage, SftStage):
        share_out([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
        return SftTrainer(model=_student(run, base, before, tokenizer), args=_sft_config(arguments), **shared)
    settings = stage.distill
    most = stored_tokens(settings)
    share_out([_columns(row, i, settings, most) for i, row in enumerate(rows)])
    shared["spec"] = spec = _lesson(run, base, settings, rows)
    if settings.teacher == "in_process":
        teacher = AutoModelForCausalLM.from_pretrained(run.teacher.folder, dtype=training_dtype(run))
        calls = all(source.kind.calls_tools for source in run.loaded.recipe.sources)
        end = run.chat_format.call_end if calls else ""
        closing = tokenizer.encode(end, add_special_tokens=False)
        config = gkd_config(settings, run.loaded.recipe.teacher.sampling.max_tokens, **arguments)
        return OnlineDistillTrainer(
            model=_student(run, base, before, tokenizer),
            teacher_model=teacher,
            closing=closing,
            args=config,
            **shared,
        )
    cache = None
    if settings.teacher == "cache":
        cache = open_cache(
            run.workspace.root / "cache",
            run.teacher.folder,
            run.teacher.revision,
            rows,
            [theirs for _, theirs in spec.layers],
            training_dtype(run),
            max_bytes=int(settings.cache_gb * 2**30),
            pad=pad,
        )
    return DistillTrainer(
        model=_student(run, base, before, tokenizer), cache=cache, args=_sft_config(arguments), **shared
    )


def _lesson(run: Run, base: Path, settings: Distill, rows: Sequence[TrainingRow]) -> DistillSpec:
    stored = max((len(ids) for row in rows for span in row.spans for ids in span.topk_ids), default=0)
    if settings.hidden is None:
        return DistillSpec(settings, stored)
    student, teacher = inspect(base), run.teacher.facts()
    layers = settings.hidden.layers or pairs(settings.hidden.depths, student.layers, teacher.layers)
    for own, theirs in layers:
        if own > student.layers or theirs > teacher.layers:
            raise FactoryError(
                f"{run.loaded.path}: hidden.layers: there is no pair [{own}, {theirs}]: "
                f"the student has {student.layers} layers, the teacher {teacher.layers}",
                "Choose others, or set depths.",
            )
    return DistillSpec(settings, stored, layers, teacher.hidden_size)


def _columns(row: TrainingRow, index: int, settings: Distill, most: int) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "row": index,
        "input_ids": row.input_ids,
        "labels": row.labels,
        "spans": [[span.start, span.length] for span in row.spans],
        "openings": [span.start for span in row.spans if span.start in {start for start, _ in row.calls}],
    }
    if most:
        width = None if settings.teacher == "stored" else most
        columns["topk_ids"] = [ids[:width] for span in row.spans for ids in span.topk_ids]
        columns["topk_logprobs"] = [logs[:width] for span in row.spans for logs in span.topk_logprobs]
    if settings.teacher == "in_process":
        columns["teacher_ids"] = [span.teacher_ids for span in row.spans]
    return columns


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


def stage_arguments(run: Run, stage: SftStage | DistillStage, checkpoints: str) -> dict[str, Any]:
    """Return what every trainer of a stage is configured with."""
    settings, watching = stage.settings, {}
    if (validation := settings.validation) is not None:
        watching = {
            "eval_strategy": "steps",
            "eval_steps": validation.every,
            "per_device_eval_batch_size": settings.batch_size,
            "save_steps": validation.every,
            "load_best_model_at_end": True,
            "eval_on_start": True,
            "metric_for_best_model": f"eval_{CHOICE}",
            "greater_is_better": True,
            # Or patience would be counted from zero after a kill.
            "restore_callback_states_from_checkpoint": True,
        }
    common = training_arguments(
        checkpoints,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup=settings.warmup,
        save_every=settings.save_every,
        seed=run.loaded.recipe.seed,
    )
    common |= {
        "gradient_checkpointing": settings.gradient_checkpointing,
        "train_sampling_strategy": "group_by_length" if settings.group_by_length else "random",
    }
    return common | watching


def _sft_config(arguments: dict[str, Any]) -> SFTConfig:
    return SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True})


def _student(run: Run, base: Path, before: Planned | None, tokenizer: PreTrainedTokenizerBase) -> Any:
    adapter, dtype = run.student.adapter, training_dtype(run)
    marks = run.chat_format.written_marks
    if before is None:
        seed, say = run.loaded.recipe.seed, run.progress.say
        return new_student(base, adapter, tokenizer, dtype, seed, say, marks=marks)
    trained = run.workspace.models / before.name
    return further_student(base, adapter, trained, tokenizer, dtype, marks=marks)


def training_dtype(run: Run) -> torch.dtype:
    """Return the number format of frozen weights."""
    wanted = fast_precision() if run.student.precision == "auto" else run.student.precision
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32
