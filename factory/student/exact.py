"""How much of what was set aside a model writes exactly: the share of rows all of whose learnt tokens are its
likeliest, each after the right ones. That is greedy decoding compared with what was accepted, from one
forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from factory.context.training_set import spread
from factory.seeds.split import VALIDATION, side
from factory.student.batch import Collator
from factory.student.losses.head import Head
from factory.student.objective import take_objectives
from factory.tasks.rows import IGNORED, TrainingRow

MOST = 256  # rows that are looked at, evenly from all that are set aside
_BATCH, _BLOCK = 8, 256


@dataclass(frozen=True)
class Exact:
    """The share of `rows` that were written exactly."""

    share: float
    rows: int

    def entries(self, step: int) -> list[dict[str, Any]]:
        """Return it as lines of a training log."""
        named = {"exact": self.share, "exact_rows": float(self.rows)}
        return [{"step": step, "metric": metric, "value": value} for metric, value in named.items()]

    @classmethod
    def of(cls, log: Sequence[dict[str, Any]]) -> "Exact | None":
        """Return what a training log says, None where it says nothing."""
        found = {entry["metric"]: entry["value"] for entry in log}
        return cls(found["exact"], int(found["exact_rows"])) if "exact" in found else None

    def __str__(self) -> str:
        return f"{self.share:.1%} of {self.rows}"


def held(rows: Sequence[Any], set_aside: float) -> list[Any]:
    """Return the rows that no stage learns, where such a share of the seeds is set aside, or some of them."""
    return spread([row for row in rows if side(row.seed, set_aside) == VALIDATION], MOST)


def exact(model: Any, rows: Sequence[TrainingRow], pad: int) -> Exact | None:
    """Return how much of `rows` a model of token rows writes exactly; None where there is none."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    taken = "forward" in vars(base)
    if not taken:
        take_objectives(base)
    learning, right = model.training, 0
    model.eval()
    collate, device = Collator(pad), next(model.parameters()).device
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    for start in range(0, len(rows), _BATCH):
        columns = [
            {"input_ids": row.input_ids, "labels": row.labels} for row in ordered[start : start + _BATCH]
        ]
        batch = {name: tensor.to(device) for name, tensor in collate(columns).items()}
        targets = batch.pop("labels")[:, 1:]
        with torch.no_grad():
            right += int(model(**batch, objective=_Right(targets, targets != IGNORED)).sum())
    model.train(learning)
    if not taken:
        vars(base).pop("forward")
    return Exact(right / len(rows), len(rows)) if rows else None


@dataclass(frozen=True)
class _Right:
    """Whether (rows,) all learnt tokens of each row are the likeliest, to be called as an objective is."""

    targets: torch.Tensor
    learnt: torch.Tensor
    wants_layers: bool = False

    def __call__(self, output: Any, head: Head) -> torch.Tensor:
        # Prompt tuning puts its own positions before the batch's.
        hidden = output.last_hidden_state[:, -(self.targets.shape[1] + 1) : -1][self.learnt]
        targets, row = self.targets[self.learnt], self.learnt.nonzero()[:, 0]
        right = torch.ones(len(self.targets), dtype=torch.bool, device=hidden.device)
        for start in range(0, len(targets), _BLOCK):
            block = slice(start, start + _BLOCK)
            wrong = head.logits(hidden[block]).argmax(1) != targets[block]
            right[row[block][wrong]] = False
        return right
