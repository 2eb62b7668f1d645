"""The trainer of each stage of training: models loaded, rows as its dataset holds them.

A new stage has its function here, beside its settings in `factory.recipe.stages`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerBase
from trl import SFTConfig

from factory.adapters.adapter import Adapter
from factory.context.lineage import Planned
from factory.context.run import Run
from factory.errors import FactoryError
from factory.models.folder import inspect
from factory.models.precision import fast_precision
from factory.recipe.distill import Distill
from factory.recipe.stages import AlignStage
from factory.recipe.training import Training
from factory.student.align_trainer import AlignTrainer, OnlineAlignTrainer
from factory.student.batch import Collator
from factory.student.cache import open_cache
from factory.student.distill_spec import DistillSpec, gkd_config
from factory.student.distill_trainer import DistillTrainer
from factory.student.losses.layers import pairs
from factory.student.model import further_student, new_student
from factory.student.online_distill_trainer import OnlineDistillTrainer
from factory.student.sft_trainer import SftTrainer
from factory.student.stage_plan import StagePlan
from factory.student.stage_rows import aside
from factory.student.step_settings import stored_tokens
from factory.student.trl_arguments import training_arguments
from factory.student.validation import CHOICE
from factory.tasks.rows import TrainingRow


@dataclass(frozen=True)
class Setup:
    """What a stage's trainer is made of. The student is the model `base` with an `adapter`, as the stage
    `before` left it; `rows` are those of the stage, watched ones too."""

    run: Run
    plan: StagePlan
    base: Path
    adapter: Adapter
    before: Planned | None
    rows: Sequence[TrainingRow]
    tokenizer: PreTrainedTokenizerBase
    checkpoints: str

    @property
    def pad(self) -> int:
        pad, end = self.tokenizer.pad_token_id, self.tokenizer.eos_token_id
        return int(pad if pad is not None else end)

    @property
    def arguments(self) -> dict[str, Any]:
        return stage_arguments(self.run, self.plan, self.checkpoints)

    def student(self) -> Any:
        """Return the student, to be trained on."""
        run = self.run
        adapter, dtype, marks = self.adapter, training_dtype(run), run.chat_format.written_marks
        if self.before is None:
            seed, say = run.loaded.recipe.seed, run.progress.say
            return new_student(self.base, adapter, self.tokenizer, dtype, seed, say, marks=marks)
        trained = run.workspace.models / self.before.name
        return further_student(self.base, adapter, trained, self.tokenizer, dtype, marks=marks)

    def shared(self, columns: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what every trainer is given, of the rows as `columns`."""
        columns = weighted(columns, self.rows, self.plan.settings)
        learnt, watched = aside(self.plan, self.rows)
        found = {
            "data_collator": Collator(self.pad),
            "processing_class": self.tokenizer,
            "train_dataset": Dataset.from_list([columns[place] for place in learnt]),
        }
        if watched:
            samples = {
                name: place for place, name in enumerate(dict.fromkeys(row.sample_id for row in self.rows))
            }
            columns = [
                each | {"sample": samples[row.sample_id]}
                for each, row in zip(columns, self.rows, strict=True)
            ]
            found["eval_dataset"] = Dataset.from_list([columns[place] for place in watched])
        return found


def make_trainer(setup: Setup) -> Any:
    """Return the trainer that fits the stage, ready for `run`."""
    return TRAINERS[setup.plan.stage.name](setup)


def _sft(setup: Setup) -> Any:
    shared = setup.shared([{"input_ids": row.input_ids, "labels": row.labels} for row in setup.rows])
    return SftTrainer(model=setup.student(), args=_sft_config(setup.arguments), **shared)


def _distill(setup: Setup) -> Any:
    return _taught(setup, DistillTrainer, OnlineDistillTrainer)


def _align(setup: Setup) -> Any:
    trainer = _taught(setup, AlignTrainer, OnlineAlignTrainer)
    assert isinstance(setup.plan.stage, AlignStage)
    trainer.answers = setup.plan.stage.align.weight > 0
    return trainer


TRAINERS: dict[str, Callable[[Setup], Any]] = {"sft": _sft, "align": _align, "distill": _distill}


def _taught(setup: Setup, stored: type[DistillTrainer], online: type[OnlineDistillTrainer]) -> Any:
    """Return a trainer that learns from a teacher: one with no teacher in memory, or `online`."""
    run, teacher, settings = setup.run, setup.plan.teacher, setup.plan.stage.distillation
    assert settings is not None
    most = stored_tokens(settings)
    shared = setup.shared([_columns(row, i, settings, most) for i, row in enumerate(setup.rows)])
    shared["spec"] = spec = _spec(setup, settings)
    if settings.teacher == "in_process":
        model = AutoModelForCausalLM.from_pretrained(teacher.folder, dtype=training_dtype(run))
        calls = all(source.kind.calls_tools for source in run.loaded.recipe.sources)
        # A tutor has learnt whole turns, with their ends.
        end = run.chat_format.call_end if calls and not setup.plan.has_tutor else ""
        closing = setup.tokenizer.encode(end, add_special_tokens=False)
        config = gkd_config(settings, run.loaded.recipe.teacher.sampling.max_tokens, **setup.arguments)
        return online(model=setup.student(), teacher_model=model, closing=closing, args=config, **shared)
    cache = None
    if settings.teacher == "cache":
        cache = open_cache(
            run.workspace.root / "cache",
            teacher.folder,
            teacher.revision,
            setup.rows,
            [theirs for _, theirs in spec.layers],
            training_dtype(run),
            max_bytes=int(settings.cache_gb * 2**30),
            pad=setup.pad,
        )
    return stored(model=setup.student(), cache=cache, args=_sft_config(setup.arguments), **shared)


def _spec(setup: Setup, settings: Distill) -> DistillSpec:
    stored = max((len(ids) for row in setup.rows for span in row.spans for ids in span.topk_ids), default=0)
    if settings.hidden is None:
        return DistillSpec(settings, stored)
    student, teacher = inspect(setup.base), setup.plan.teacher.facts()
    layers = settings.hidden.layers or pairs(settings.hidden.depths, student.layers, teacher.layers)
    for own, theirs in layers:
        if own > student.layers or theirs > teacher.layers:
            raise FactoryError(
                f"{setup.run.loaded.path}: hidden.layers: there is no pair [{own}, {theirs}]: "
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


def weighted(
    columns: list[dict[str, Any]], rows: Sequence[TrainingRow], settings: Training
) -> list[dict[str, Any]]:
    """Return the columns with what each token counts, if not all count the same."""
    if settings.call_weight == 1 and all(row.weight == 1 for row in rows):
        return columns
    return [
        column | {"weights": row.weights(settings.call_weight)}
        for column, row in zip(columns, rows, strict=True)
    ]


def stage_arguments(run: Run, plan: StagePlan, checkpoints: str) -> dict[str, Any]:
    """Return what every trainer of a stage is configured with."""
    settings, watching = plan.settings, {}
    if (validation := plan.validation) is not None:
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
        "data_seed": plan.seed,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "train_sampling_strategy": "group_by_length" if settings.group_by_length else "random",
    }
    return common | watching


def _sft_config(arguments: dict[str, Any]) -> SFTConfig:
    return SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True})


def training_dtype(run: Run) -> torch.dtype:
    """Return the number format of frozen weights."""
    wanted = fast_precision() if run.student.precision == "auto" else run.student.precision
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32
