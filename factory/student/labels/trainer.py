"""Transformers' trainer for a student with a head.

Promise: as `factory.student.sft_trainer`: a step follows from settings, seed and its number, and a loss that
is not finite stops it.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from factory.errors import FactoryError
from factory.recipe.distill import Distill
from factory.student.labels.loss import label_loss
from factory.student.labels.rows import TextRow
from factory.student.resumable import Resumable
from factory.student.step_settings import step_settings
from factory.student.validation import CHOICE, worth

_REMEDY = "Lower the learning rate, or write precision: float32; then run the same command again."


def columns(row: TextRow, *, distilled: bool) -> dict[str, Any]:
    """Return a row as the trainer's datasets hold it."""
    shown = {"input_ids": row.input_ids, "target": row.label, "count": row.weight}
    return shown | ({"teacher": list(row.teacher)} if distilled else {})


class TextCollator:
    """Pads texts on the right: input_ids and attention_mask (texts, length), target and count (texts,), and
    the teacher's probabilities (texts, labels) in distillation."""

    def __init__(self, pad_token_id: int):
        self._pad = pad_token_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        texts = [torch.tensor(row["input_ids"]) for row in rows]
        batch = {
            "input_ids": pad_sequence(texts, batch_first=True, padding_value=self._pad),
            "attention_mask": pad_sequence([torch.ones_like(text) for text in texts], batch_first=True),
            "target": torch.tensor([row["target"] for row in rows]),
            "count": torch.tensor([float(row["count"]) for row in rows]),
        }
        if "teacher" in rows[0]:
            batch["teacher"] = torch.tensor([row["teacher"] for row in rows], dtype=torch.float32)
        return batch


class LabelTrainer(Resumable):
    """Learns labels, and with `distill` the teacher's probabilities of them."""

    def __init__(self, *arguments: Any, distill: Distill | None = None, **named: Any):
        self._distill = distill
        self._parts: list[dict[str, float]] = []
        super().__init__(*arguments, **named)

    def finished(self) -> Any:
        """Return the trained model."""
        return self.model

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> torch.Tensor:
        self.count(inputs)
        step, how = self.state.global_step, {}
        if self._distill is not None:
            settings = step_settings(self._distill, step, 1)
            how = {"weight": settings.weight, "temperature": settings.temperature}
        total, parts = self._losses(model, inputs, **how)
        seen = self.accelerator.reduce(torch.stack([total.detach(), *parts.values()]), "mean").tolist()
        found = dict(zip(parts, seen[1:], strict=True))
        _require_finite(f"step {step + 1}: the loss is", seen[0], found)
        self._parts.append(found)
        return total

    def _losses(self, model: Any, inputs: dict[str, torch.Tensor], **how: float) -> Any:
        logits = self._logits(model, inputs)
        return label_loss(logits, inputs["target"], inputs["count"], inputs.get("teacher"), **how)

    @staticmethod
    def _logits(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        output = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        return output.logits.float()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with the parts of the loss."""
        if "loss" in logs and self._parts:
            logs |= {name: _mean([each[name] for each in self._parts]) for name in self._parts[0]}
            self._parts = []
        super().log(logs, start_time)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return the share of right labels, cross-entropy and divergence from the teacher on the validation
        texts, and the number by which the best student is chosen."""
        self.model.eval()
        sums: dict[str, float] = {}
        texts = 0.0
        for batch in self.get_eval_dataloader(eval_dataset):
            inputs = self._prepare_inputs(batch)
            count = float(inputs["count"].sum())
            with torch.no_grad():
                logits = self._logits(self.model, inputs)
                _, parts = label_loss(logits, inputs["target"], inputs["count"], inputs.get("teacher"))
            right = (logits.argmax(1) == inputs["target"]) * inputs["count"]
            parts = {"exact": right.sum() / count} | parts
            texts += count
            sums = {name: sums.get(name, 0.0) + count * float(value) for name, value in parts.items()}
        seen = {name: value / texts for name, value in sums.items()}
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in seen.items()}
        loss = metrics[f"{metric_key_prefix}_cross_entropy"]
        _require_finite(f"step {self.state.global_step}: validation loss is", loss, metrics)
        self.log(dict(metrics))
        metrics[f"{metric_key_prefix}_{CHOICE}"] = worth(seen, len(self.eval_dataset))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train()
        return metrics


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _require_finite(what: str, loss: float, parts: dict[str, float]) -> None:
    if not all(map(math.isfinite, [loss, *parts.values()])):
        listed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in parts.items())
        raise FactoryError(f"{what} {loss} ({listed}), so training cannot continue", _REMEDY)
