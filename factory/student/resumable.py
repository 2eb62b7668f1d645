"""What every trainer here does beside its loss: it goes on from a checkpoint, or with the optimizer of the
stage before; it follows the learning rate of its stage, and logs the tokens that it reads.

Promise: a run that was killed, in its last step too, ends as one that was never interrupted.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import set_peft_model_state_dict
from safetensors.torch import load_file
from torch.optim.lr_scheduler import LambdaLR
from transformers import EarlyStoppingCallback, Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from factory.student import optimizer_state
from factory.student.batch import LengthGroups
from factory.student.learning_rate import Rate
from factory.student.optimizer_state import Kept


class Resumable(Trainer):
    """Transformers' trainer, or to be put before a trainer that is one."""

    control: Any
    lr_scheduler: Any
    rate: Rate | None = None
    kept: Kept = {}  # the optimizer's state of the stage before
    _since: float | None = None
    _tokens = 0

    def run(self, resumed: Path | None) -> None:
        """Train to the end, from a checkpoint where there is one."""
        if resumed is None or not self._is_over(
            state := TrainerState.load_from_json(str(resumed / TRAINER_STATE_NAME))
        ):
            self.train(resume_from_checkpoint=str(resumed) if resumed else None)
            return
        # Killed after the last step and before the student was written: Trainer would take more.
        self.state = state
        self._load_from_checkpoint(str(resumed))
        if self.args.load_best_model_at_end:
            self.state.best_model_checkpoint = str(resumed.parent / f"checkpoint-{state.best_global_step}")
            self._load_best_model()

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Return the learning rate of each step: that of `rate`, where it is set."""
        if self.rate is None or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, self.rate)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def optimizer_goes_on(self) -> bool:
        """Make the optimizer, with the state of the stage before; return whether there was any."""
        return bool(optimizer_state.take_on(self.model, self.create_optimizer(), self.kept))

    def _is_over(self, state: TrainerState) -> bool:
        waiting = state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
        waited = (
            bool(waiting)
            and waiting["attributes"]["early_stopping_patience_counter"]
            >= waiting["args"]["early_stopping_patience"]
        )
        return state.global_step >= self.args.max_steps or waited

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> Any:
        # Without the scheduler it is the look before the first step. Transformers takes it once more after a
        # kill, and keeps no student of it: training that makes nothing better has to leave what there was.
        if not skip_scheduler or not self.args.load_best_model_at_end:
            return super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)
        if self.state.global_step or self.state.log_history:
            return {}
        metrics = super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)
        self._determine_best_metric(metrics, trial)
        self.state.best_model_checkpoint = str(Path(self.args.output_dir) / "checkpoint-0")
        self._save_checkpoint(self.model, trial)
        self.control = self.callback_handler.on_save(self.args, self.state, self.control)
        return metrics

    def logged(self, metrics: Sequence[str]) -> list[dict[str, Any]]:
        """Return what was logged of these metrics: step, metric, value."""
        return [
            {"step": entry["step"], "metric": metric, "value": float(entry[metric])}
            for entry in self.state.log_history
            for metric in metrics
            if metric in entry
        ]

    def count(self, inputs: Any) -> None:
        """Note that a batch is read."""
        if self._since is None:
            self._since = time.monotonic()
        self._tokens += int(inputs["attention_mask"].sum())

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the tokens that were read in a second since the log before."""
        if "loss" in logs and self._since is not None:
            now = time.monotonic()
            logs["tokens_per_s"] = (
                self._tokens * self.accelerator.num_processes / max(now - self._since, 1e-9)
            )
            self._since, self._tokens = now, 0
        super().log(logs, start_time)

    def _load_best_model(self) -> None:
        # Transformers' way would put a second adapter beside virtual tokens.
        weights = Path(self.state.best_model_checkpoint) / "adapter_model.safetensors"
        if weights.exists():
            set_peft_model_state_dict(self.model, load_file(weights))
        else:
            super()._load_best_model()

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        dataset = self.train_dataset if train_dataset is None else train_dataset
        return LengthGroups(
            [len(ids) for ids in dataset["input_ids"]], self.args.train_batch_size, self._data_seed
        )

    @property
    def _data_seed(self) -> int:
        return int(self.args.seed if self.args.data_seed is None else self.args.data_seed)
