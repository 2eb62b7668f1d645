"""One stage of training a student with a head, and what is made of it at the end: the merged model with its
calibration.

Promise: as `factory.student.training_stage`. The set-aside texts, which calibrate, are learnt by no stage.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, TrainingArguments

from factory.context.lineage import Planned
from factory.context.run import Run
from factory.errors import FactoryError
from factory.inference.classifier import Classifier, longest, padding
from factory.models.artifact import publish
from factory.models.calibration import Calibration, best_temperature, defer, probabilities
from factory.seeds.split import TRAIN, VALIDATION, side
from factory.student.exact import Exact, held
from factory.student.labels.model import further_classifier, merged_classifier, new_classifier
from factory.student.labels.rows import TextRow
from factory.student.labels.trainer import LabelTrainer, TextCollator, columns
from factory.student.stage_plan import StagePlan
from factory.student.stage_rows import OTHER_STAGE, WATCHED
from factory.student.stage_trainers import stage_arguments
from factory.student.training_stage import to_the_end
from factory.text.reasons import ReasonCode, sentence

_BATCH = 32


def train_label_stage(
    run: Run,
    plan: StagePlan,
    base: Path,
    adapter: Planned,
    before: Planned | None,
    rows: Sequence[TextRow],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Train the stage to its end and publish its adapter, which belongs to the model `base` and continues
    from `before`."""
    distilled, own = plan.stage.distillation is not None, [row for row in rows if plan.learns(row)]
    usable, left_out = _usable(run, plan.name, longest(base, tokenizer), own, distilled=distilled)
    mine = {row.sample_id for row in own}
    left_out |= {row.sample_id: OTHER_STAGE for row in rows if row.sample_id not in mine}
    calibrating = aside(rows, plan.set_aside)
    left_out |= {row.sample_id: WATCHED for row in calibrating}
    learnt = [row for row in usable if side(row.seed, plan.set_aside) == TRAIN]
    share = plan.validation.share if plan.validation else 0.0
    if plan.by_default and not any(side(row.seed, share) == VALIDATION for row in usable):
        plan, share = replace(plan, validation=None), 0.0
    watched = [row for row in usable if side(row.seed, share) == VALIDATION]
    if not learnt or not calibrating or (share and not watched):
        seeds = len({row.seed for row in rows})
        raise FactoryError(
            f"student.calibration.share: {plan.set_aside:g} of {seeds} seeds leaves {len(learnt)} "
            f"texts to learn from, {len(calibrating)} to calibrate and {len(watched)} to "
            "validate on",
            "Choose another share, or make more data.",
        )
    checkpoints = run.workspace.checkpoints / adapter.name
    arguments = stage_arguments(run, plan, str(checkpoints))
    del arguments["max_length"]  # TRL's
    trainer = LabelTrainer(
        model=_student(run, base, before, tokenizer),
        args=TrainingArguments(**arguments),
        data_collator=TextCollator(padding(tokenizer)),
        processing_class=tokenizer,
        train_dataset=_dataset(learnt, distilled=distilled),
        eval_dataset=_dataset(watched, distilled=distilled) if watched else None,
        distill=plan.stage.distillation,
    )
    most = longest(base, tokenizer)
    seen = held([row for row in rows if 0 < len(row.input_ids) <= most], plan.set_aside)
    to_the_end(
        run,
        plan,
        adapter,
        before,
        trainer,
        left_out,
        measured=lambda model: _exact(model, seen, TextCollator(padding(tokenizer))),
    )


def aside(rows: Sequence[TextRow], share: float) -> list[TextRow]:
    """Return the rows that no stage learns from."""
    return [row for row in rows if side(row.seed, share) == VALIDATION]


def _exact(model: Any, rows: Sequence[TextRow], collate: TextCollator) -> Exact | None:
    """Return for how many of the texts the student's likeliest label is the accepted one."""
    learning, right = model.training, 0
    device = next(model.parameters()).device
    model.eval()
    for start in range(0, len(rows), _BATCH):
        batch = collate([columns(row, distilled=False) for row in rows[start : start + _BATCH]])
        with torch.no_grad():
            shown = {name: batch[name].to(device) for name in ("input_ids", "attention_mask")}
            likeliest = model(**shown).logits.argmax(1).cpu()
        right += int((likeliest == batch["target"]).sum())
    model.train(learning)
    return Exact(right / len(rows), len(rows)) if rows else None


def merge_labels(
    run: Run,
    base: Path,
    trained: Path,
    student: Planned,
    rows: Sequence[TextRow],
    tokenizer: PreTrainedTokenizerBase,
    share: float,
) -> None:
    """Publish the merged model of what was trained, calibrated on the share of set-aside rows."""
    settings = run.student.calibration
    model = merged_classifier(base, run.labels, run.student.adapter, trained, tokenizer)
    with publish(run.workspace.models / student.name, student.about) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        found = calibrated(Classifier(staging, 1.0), aside(rows, share), settings.defer_error)
        found.write(staging)
    answered = f"{found.deferral.answered} of {found.deferral.texts}"
    run.progress.say(
        f"  calibrated on {found.deferral.texts} set-aside texts: temperature {found.temperature:.2f}, "
        f"{answered} answered at most {settings.defer_error:.1%} wrong"
    )


def calibrated(model: Classifier, rows: Sequence[TextRow], error: float) -> Calibration:
    """Return the calibration of a model on texts with labels, for the wished share of wrong answers."""
    read = zip(rows, model.logits([row.text for row in rows]), strict=True)
    known = [(row.label, values) for row, values in read if values is not None]
    temperature = best_temperature([values for _, values in known], [label for label, _ in known])
    sure: list[tuple[float | None, bool]] = []
    for label, values in known:
        shares = probabilities(values, temperature)
        sure.append((max(shares), shares[label] == max(shares)))
    return Calibration(temperature, error, defer(sure, error))


def _usable(
    run: Run, name: str, most: int, rows: Sequence[TextRow], *, distilled: bool
) -> tuple[list[TextRow], dict[str, ReasonCode]]:
    """Return the rows that the stage can learn from, and the reasons by sample id of the others."""
    left_out: dict[str, ReasonCode] = {}
    for row in rows:
        if not 0 < len(row.input_ids) <= most:
            left_out[row.sample_id] = "prompt_too_long"
        elif distilled and not row.teacher:
            left_out[row.sample_id] = row.fault or "no_distribution"
    usable = [row for row in rows if row.sample_id not in left_out]
    counts = sorted(Counter(left_out.values()).items())
    reasons = ", ".join(f"{count} {reason} ({sentence(reason)})" for reason, count in counts)
    if left_out:
        run.progress.say(f"  {name}: {len(left_out)} of {len(rows)} samples are left out: {reasons}")
    if not usable:
        raise FactoryError(
            f"{name}: none of the {len(rows)} samples can be learnt from: {reasons}",
            "The teacher's probabilities need teacher.logprobs when the data is made. Without them: train "
            "with sft alone, on the labels.",
        )
    return usable, left_out


def _dataset(rows: Sequence[TextRow], *, distilled: bool) -> Any:
    return Dataset.from_list([columns(row, distilled=distilled) for row in rows])


def _student(run: Run, base: Path, before: Planned | None, tokenizer: PreTrainedTokenizerBase) -> Any:
    adapter = run.student.adapter
    if before is None:
        return new_classifier(base, run.labels, adapter, tokenizer, run.loaded.recipe.seed)
    return further_classifier(base, run.labels, adapter, run.workspace.models / before.name, tokenizer)
