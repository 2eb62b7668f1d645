"""One tiny stage of training from its last whole checkpoint, in a process that may be killed."""

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback, TrainingArguments
from trl import SFTConfig

from factory.adapters.lora import Lora
from factory.inference.classifier import text_ids
from factory.recipe.distill import Distill
from factory.student.batch import Collator
from factory.student.cache import open_cache
from factory.student.checkpoints import WholeCheckpoints, last_whole
from factory.student.distill_spec import DistillSpec, gkd_config
from factory.student.distill_trainer import DistillTrainer
from factory.student.labels.model import new_classifier
from factory.student.labels.rows import TextRow
from factory.student.labels.trainer import LabelTrainer, TextCollator, columns
from factory.student.online_distill_trainer import OnlineDistillTrainer
from factory.student.sft_trainer import SftTrainer
from tests.support import tiny, toy_labels
from tests.support.caches import made_here

STEPS = 12
# A kill after these steps is one in the middle of each phase.
PHASES = {
    "sft": {"only": 6},
    "cache": {"top_k": 3, "whole": 7, "random_k": 10},
    "in_process": {"off_policy_and_on": 7},
    "labels": {"only": 7},
}
_SETTINGS: dict[str, dict[str, Any]] = {
    "cache": {
        "curriculum": [
            {"until": 0.34, "top_k": 3},
            {"until": 0.67, "temperature": {"start": 1.0, "end": 3.0}},
            {"random_k": 4},
        ],
        "weight": {"start": 0.2, "peak": 0.9, "end": 0.4},
        "hidden": {"loss": "mse"},
        "bound": 0.3,
        "interpolate": "taid",
    },
    "in_process": {"on_policy": 0.5, "beta": 0.5, "bound": 0.1},
}


class _Steps(TrainerCallback):
    def __init__(self, parent: Connection):
        self._parent = parent

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._parent.send(state.global_step)


def main(stage: str, folder: Path, parent: Connection) -> None:
    """Train to the end. The parent is sent the number of each step, and at the end what was logged of each,
    but for what depends on the clock."""
    checkpoints = folder / "checkpoints"
    arguments = tiny.arguments(
        checkpoints, steps=STEPS, save_strategy="steps", save_steps=2, save_total_limit=2
    )
    if stage == "labels":
        _go_on(_labelling(folder, arguments, parent), checkpoints, parent)
        return
    teacher = tiny.model(2, width=48)
    rows = tiny.rows(7, 3, teacher)
    sft = SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True})
    shared: dict[str, Any] = {
        "model": tiny.adapted(1),
        "train_dataset": tiny.dataset(rows),
        "data_collator": Collator(0),
        "processing_class": tiny.tokenizer(),
        "callbacks": [WholeCheckpoints(), _Steps(parent)],
    }
    if stage == "sft":
        trainer: Any = SftTrainer(args=sft, **shared)
    else:
        settings = Distill.model_validate(
            {"steps": STEPS, "teacher": stage, "trust": False, **_SETTINGS[stage]}
        )
        spec = DistillSpec(settings, tiny.K, [(1, 1), (2, 2)] if settings.hidden else [], 48)
        if stage == "in_process":
            trainer = OnlineDistillTrainer(
                teacher_model=teacher,
                closing=[4],
                args=gkd_config(settings, 5, **arguments),
                spec=spec,
                **shared,
            )
        else:
            tiny.tokenizer().save_pretrained(folder / "teacher")
            teacher.save_pretrained(folder / "teacher")
            # The kills are in the training: the runs of one test share what the teacher was asked.
            with made_here():
                cache = open_cache(
                    folder.parent / "cache",
                    folder / "teacher",
                    "r1",
                    rows,
                    [1, 2],
                    teacher.dtype,
                    max_bytes=2**30,
                    pad=0,
                )
            trainer = DistillTrainer(args=sft, spec=spec, cache=cache, **shared)
    _go_on(trainer, checkpoints, parent)


def _labelling(folder: Path, arguments: dict[str, Any], parent: Connection) -> Any:
    """Return the trainer of a head over a tiny BERT, with the teacher's probabilities."""
    base, labels = toy_labels.encoder(folder / "base"), list(toy_labels.LABELS)
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [
        TextRow(
            row["id"],
            "",
            row["text"],
            text_ids(tokenizer, row["text"]),
            labels.index(row["label"]),
            [0.8 if label == row["label"] else 0.1 for label in labels],
        )
        for row in toy_labels.texts(8, 3)
    ]
    del arguments["max_length"]
    return LabelTrainer(
        model=new_classifier(base, labels, Lora(dropout=0.1), tokenizer, 1),
        args=TrainingArguments(**arguments),
        data_collator=TextCollator(0),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([columns(row, distilled=True) for row in rows]),
        callbacks=[WholeCheckpoints(), _Steps(parent)],
        distill=Distill(steps=STEPS, teacher="stored", weight=0.5),
    )


def _go_on(trainer: Any, checkpoints: Path, parent: Connection) -> None:
    """Train from the last whole checkpoint, and send what was logged."""
    resumed = last_whole(checkpoints)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    names = ("step", "loss", "cross_entropy", "divergence", "hidden", "grad_norm", "learning_rate")
    curve = [
        {name: entry[name] for name in names if name in entry}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
    parent.send(curve)
