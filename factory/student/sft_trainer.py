"""TRL's SFT trainer, with logits at the loss positions only and in blocks, and with validation.

Promise: everything that a step does follows from settings, seed and the step's number, so that a run resumed
from a checkpoint equals one that was never interrupted. A loss that is not finite stops it.
"""

import math
from typing import Any

import torch
from trl import SFTTrainer

from factory.errors import FactoryError
from factory.student.comparison import TeacherSignal
from factory.student.distill_spec import DistillSpec
from factory.student.objective import Objective, take_objectives
from factory.student.resumable import Resumable
from factory.student.validation import CHOICE, Agreement, numbers, worth
from factory.tasks.rows import IGNORED


class SftTrainer(Resumable, SFTTrainer):
    """SFT on the assistant's tokens alone."""

    spec: DistillSpec | None = None

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        take_objectives(self._base)

    def finished(self) -> Any:
        """Return the trained model without what was only there for training."""
        vars(self._base).pop("forward", None)
        return self.model

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
        """Return the metrics of `factory.student.validation` on the validation samples, and the number by
        which the best student is chosen. Rows with the same `sample` are one sample's."""
        self.model.eval()
        device, dataset = self.accelerator.device, self.eval_dataset if eval_dataset is None else eval_dataset
        places = {sample: place for place, sample in enumerate(dict.fromkeys(dataset["sample"]))}
        sums = torch.zeros(5, dtype=torch.float64, device=device)
        missed = torch.zeros(len(places), dtype=torch.float64, device=device)
        for batch in self.get_eval_dataloader(eval_dataset):
            inputs = self._prepare_inputs(batch)
            with torch.no_grad():
                found, wrong = self.model(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    objective=self.agreement(inputs),
                )
            sums += found.to(device)
            samples = torch.tensor([places[sample] for sample in inputs["sample"].tolist()], device=device)
            missed.index_add_(0, samples, wrong.to(device))
        seen = numbers(self.accelerator.reduce(sums, "sum"), self.accelerator.reduce(missed, "sum"))
        if not all(map(math.isfinite, seen.values())):
            listed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in seen.items())
            raise FactoryError(
                f"step {self.state.global_step}: validation loss is not finite ({listed})",
                "Lower the learning rate, or write precision: float32; then run the same command again.",
            )
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in seen.items()}
        self.log(dict(metrics))
        metrics[f"{metric_key_prefix}_{CHOICE}"] = worth(seen, len(places))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train()
        return metrics

    def _over_processes(self, own: torch.Tensor) -> Any:
        return self.accelerator.reduce(own, "mean")

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        self.count(inputs)
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
        if self.model.training:
            self.observe(step, found)
        return total

    def observe(self, step: int, found: dict[str, float]) -> None:
        """Take in what a step, counted from 0, has measured."""


def loss_weights(inputs: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Return the weight of each predicted token; None when all weigh the same."""
    return inputs["weights"][:, 1:] if "weights" in inputs else None
