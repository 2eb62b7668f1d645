"""TRL arguments that all training shares."""

from typing import Any

import torch


def training_arguments(
    checkpoints: str,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    warmup: float,
    save_every: int,
    seed: int,
) -> dict[str, Any]:
    """Return the arguments of a run of `steps` optimizer steps, in the first share `warmup` of which the
    learning rate rises."""
    return {
        "output_dir": checkpoints,
        "max_steps": steps,
        "per_device_train_batch_size": batch_size,
        "learning_rate": learning_rate,
        "warmup_steps": int(warmup * steps),
        "lr_scheduler_type": "cosine",
        "logging_steps": 1,
        "save_steps": min(save_every, steps),
        "save_total_limit": 2,
        "seed": seed,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": False,
        "remove_unused_columns": False,
        "max_length": None,
        "dataloader_pin_memory": False,
    }
