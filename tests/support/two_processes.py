"""Trains one tiny stage and prints its losses: `torchrun --nproc-per-node 2 -m tests.support.two_processes
FOLDER 2`."""

import json
import sys
from pathlib import Path

from trl import SFTConfig

from factory.recipe.distill import Distill
from factory.student.batch import Collator
from factory.student.distill_spec import DistillSpec
from factory.student.distill_trainer import DistillTrainer
from tests.support import tiny


def main(folder: Path, per_process: int) -> None:
    """Train for three steps with the same rows a step, however many processes share them."""
    settings = Distill.model_validate({"steps": 3, "teacher": "stored"})
    # Of many lengths: the two halves of a batch have different numbers of positions.
    rows = tiny.rows(12, 3, tiny.model(2))
    assert len({row.taught_length for row in rows}) > 3
    arguments = tiny.arguments(
        folder, steps=3, per_device_train_batch_size=per_process, ddp_find_unused_parameters=False
    )
    trainer = DistillTrainer(
        model=tiny.adapted(1),
        args=SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}),
        train_dataset=tiny.dataset(rows),
        data_collator=Collator(0),
        processing_class=tiny.tokenizer(),
        spec=DistillSpec(settings, tiny.K),
    )
    trainer.train()
    if trainer.is_world_process_zero():
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        print(json.dumps({"processes": trainer.accelerator.num_processes, "losses": losses}), flush=True)
    # Gloo's threads, left to the end of the process, abort it now and then.
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
