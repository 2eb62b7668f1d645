"""Atomic checkpoints, and the progress line of training."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from factory.student.validation import METRICS
from factory.system.progress import Progress, duration
from factory.workspace import CHECKPOINT_MARK

PARTS = ("cross_entropy", "divergence", "hidden", "top1")


def last_whole(checkpoints: Path) -> Path | None:
    """Return the latest checkpoint that was written to its end; torn ones are removed."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if (folder / CHECKPOINT_MARK).exists():
            whole.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


class WholeCheckpoints(TrainerCallback):
    """Marks a checkpoint when all of it is on disk: the Trainer writes file by file into the final name."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        os.sync()
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / CHECKPOINT_MARK).touch()


class Live(TrainerCallback):
    """Shows step, loss, speed and time left."""

    def __init__(self, progress: Progress, stage: str, steps: int):
        self._progress, self._stage, self._steps = progress, stage, steps
        self._first: tuple[int, float] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._first = (state.global_step, time.monotonic())
        if state.global_step:
            self._progress.say(f"  {self._stage}: going on from step {state.global_step}")

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, float] | None = None, **_: Any
    ) -> None:
        listed = ", ".join(
            f"{name.removeprefix('eval_').replace('_', ' ')} {value:.3f}"
            for name, value in (metrics or {}).items()
            if name.removeprefix("eval_") in METRICS
        )
        self._progress.say(f"  {self._stage}  step {state.global_step}: validation {listed}")

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if not logs or "loss" not in logs or self._first is None:
            return
        step, started = self._first
        done = max(state.global_step - step, 1)
        pace = (time.monotonic() - started) / done
        parts = "".join(f"  {name.replace('_', ' ')} {logs[name]:.3f}" for name in PARTS if name in logs)
        self._progress.update(
            f"  {self._stage}  step {state.global_step}/{self._steps}  loss {logs['loss']:.3f}{parts}  "
            f"{pace:.1f} s/step  {logs.get('tokens_per_s', 0):.0f} tokens/s  "
            f"{duration(pace * (self._steps - state.global_step))} left",
            now=state.global_step == self._steps,
        )
