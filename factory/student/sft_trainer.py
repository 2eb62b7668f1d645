"""TRL's SFT trainer, with logits at the loss positions only and in blocks, and with validation.

Promise: everything that a step does follows from settings, seed and the step's number, so that a run resumed
from a checkpoint equals one that was never interrupted. A loss that is not finite stops it.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from trl import SFTTrainer

from factory.errors import FactoryError
from factory.student.batch import LengthGroups
from factory.student.distill_spec import DistillSpec
from factory.student.objective import Objective, TeacherSignal, take_objectives
from factory.student.validation import Agreement, numbers
from factory.tasks.rows import IGNORED


class SftTrainer(SFTTrainer):
    """SFT on the assistant's tokens alone."""

    spec: DistillSpec | None = None
    control: Any

    def __init__(self, *arguments: Any, **named: Any):
        self._since: float | None = None
        self._tokens = 0
        super().__init__(*arguments, **named)
        take_objectives(self._base)

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

    def _is_over(self, state: TrainerState) -> bool:
        waiting = state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
        waited = (
            bool(waiting)
            and waiting["attributes"]["early_stopping_patience_counter"]
            >= waiting["args"]["early_stopping_patience"]
        )
        return state.global_step >= self.args.max_steps or waited

    def finished(self) -> Any:
        """Return the trained model without what was only there for training."""
        vars(self._base).pop("forward", None)
        return self.model

    def logged(self, metrics: Sequence[str]) -> list[dict[str, Any]]:
        """Return what was logged of these metrics: step, metric, value."""
        return [
            {"step": entry["step"], "metric": metric, "value": float(entry[metric])}
            for entry in self.state.log_history
            for metric in metrics
            if metric in entry
        ]

    @property
    def _base(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def objective(self, inputs: dict[str, torch.Tensor], step: int) -> Objective:
        """Return the loss of a batch at a step, counted from 0."""
        targets = inputs["labels"][:, 1:]
        return Objective(
            targets, targets != IGNORED, weights=loss_weights(inputs), over_processes=self._over_processes
        )

    def agreement(self, inputs: dict[str, torch.Tensor]) -> Agreement:
        """Return the validation metrics of a batch: without a teacher."""
        targets = inputs["labels"][:, 1:]
        return Agreement(
            targets, targets != IGNORED, torch.zeros_like(targets, dtype=torch.bool), TeacherSignal()
        )

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return the metrics of `factory.student.validation` on the validation samples."""
        self.model.eval()
        sums = torch.zeros(5, dtype=torch.float64, device=self.accelerator.device)
        for batch in self.get_eval_dataloader(eval_dataset):
            inputs = self._prepare_inputs(batch)
            with torch.no_grad():
                found = self.model(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    objective=self.agreement(inputs),
                )
            sums += found.to(sums.device)
        seen = numbers(self.accelerator.reduce(sums, "sum"))
        if not all(map(math.isfinite, seen.values())):
            listed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in seen.items())
            raise FactoryError(
                f"step {self.state.global_step}: validation loss is not finite ({listed})",
                "Lower the learning rate, or write precision: float32; then run the same command again.",
            )
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in seen.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train()
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the tokens that were read in a second since the log before."""
        if "loss" in logs and self._since is not None:
            now = time.monotonic()
            logs["tokens_per_s"] = (
                self._tokens * self.accelerator.num_processes / max(now - self._since, 1e-9)
            )
            self._since, self._tokens = now, 0
        super().log(logs, start_time)

    def _over_processes(self, own: torch.Tensor) -> Any:
        return self.accelerator.reduce(own, "mean")

    def _load_best_model(self) -> None:
        # Transformers' way would put a second adapter beside virtual tokens.
        weights = Path(self.state.best_model_checkpoint) / "adapter_model.safetensors"
        if weights.exists():
            set_peft_model_state_dict(self.model, load_file(weights))
        else:
            super()._load_best_model()

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        if self._since is None:
            self._since = time.monotonic()
        self._tokens += int(inputs["attention_mask"].sum())
        step = self.state.global_step
        objective = self.objective(inputs, step)
        total, parts = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], objective=objective
        )
        # The mean over all processes, so that they all log the same and all stop at the same step.
        mean, *shares = self.accelerator.reduce(
            torch.stack([total.detach(), *parts.values()]), reduction="mean"
        ).tolist()
        found = dict(zip(parts, shares, strict=True))
        if not math.isfinite(mean):
            listed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items())
            raise FactoryError(
                f"step {step + 1}: the loss is {mean} ({listed}), so training cannot continue",
                "Lower the learning rate, or write precision: float32; then run the same command again.",
            )
        for name, value in found.items():
            # SFTTrainer's own collection: averaged over what one line of the log covers.
            self._metrics["train" if self.model.training else "eval"][name].append(value)
        return total

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        dataset = self.train_dataset if train_dataset is None else train_dataset
        return LengthGroups(
            [len(ids) for ids in dataset["input_ids"]], self.args.train_batch_size, self.args.seed
        )


def loss_weights(inputs: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Return the weight of each predicted token; None when all weigh the same."""
    return inputs["weights"][:, 1:] if "weights" in inputs else None
