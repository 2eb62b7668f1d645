"""One tiny stage of training, in one of several processes that share each batch."""

import os
from multiprocessing.connection import Connection
from pathlib import Path

from trl import SFTConfig

from factory.recipe.distill import Distill
from factory.student.batch import Collator
from factory.student.distill_spec import DistillSpec
from factory.student.distill_trainer import DistillTrainer
from tests.support import tiny

BATCH = 4


def main(folder: Path, rank: int, processes: int, port: int, parent: Connection) -> None:
    """Train for three steps of `BATCH` rows, however many processes share them; the parent is sent how many
    those were, and the losses. The variables are those that torchrun sets."""
    if processes > 1:
        os.environ |= {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(processes),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
    settings = Distill.model_validate({"steps": 3, "teacher": "stored", "trust": False, "bound": 0.2})
    # Of many lengths: the two halves of a batch have different numbers of positions.
    rows = tiny.rows(12, 3, tiny.model(2))
    assert len({row.spans[0].length for row in rows}) > 3
    arguments = tiny.arguments(
        folder, steps=3, per_device_train_batch_size=BATCH // processes, ddp_find_unused_parameters=False
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
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    parent.send((trainer.accelerator.num_processes, losses))
    # Gloo's threads, left to the end of the process, abort it now and then.
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()
