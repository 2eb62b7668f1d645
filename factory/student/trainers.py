"""TRL's trainers with what they lack: logits at the loss positions only, a teacher with a prompt of its own, cross-entropy beside the
divergence.

Memory: logits are computed for the tokens that are learnt, never for prompts and padding.
"""

from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from trl import SFTTrainer
from trl.experimental.gkd import GKDConfig, GKDTrainer

from factory.student.losses.dense import cross_entropy, divergence
from factory.student.rows import IGNORED


class Collator:
    """Pads rows on the right: input_ids, attention_mask, labels, and for distillation the teacher's side."""

    def __init__(self, pad_token_id: int, *, with_teacher: bool):
        self._pad = pad_token_id
        self._with_teacher = with_teacher

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = self._padded("input_ids", "attention_mask", [row["input_ids"] for row in rows])
        batch["labels"] = pad_sequence([torch.tensor(row["labels"]) for row in rows], batch_first=True, padding_value=IGNORED)
        if self._with_teacher:
            batch |= self._padded("teacher_ids", "teacher_attention_mask", [row["teacher_ids"] for row in rows])
            batch["call_start"] = torch.tensor([row["call_start"] for row in rows])
            batch["call_length"] = torch.tensor([row["call_length"] for row in rows])
        return batch

    def _padded(self, name: str, mask: str, lists: list[list[int]]) -> dict[str, torch.Tensor]:
        tensors = [torch.tensor(ids) for ids in lists]
        return {
            name: pad_sequence(tensors, batch_first=True, padding_value=self._pad),
            mask: pad_sequence([torch.ones_like(ids) for ids in tensors], batch_first=True),
        }


class AnswerTrainer(SFTTrainer):
    """SFT whose logits are computed for the assistant's tokens alone: cross-entropy over them."""

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        targets = inputs["labels"][:, 1:]
        learnt = targets != IGNORED
        return cross_entropy(_logits(model, inputs["input_ids"], inputs["attention_mask"], learnt).float(), targets[learnt]).mean()


class ContextDistillationTrainer(GKDTrainer):
    """GKD, off-policy, in which the teacher reads the prompt that it generated with and the student the bare question.

    The two sequences end in the same tokens (the call's JSON); the divergence is taken there, cross-entropy on all of the assistant's
    tokens. The loss is `weight` x divergence + (1 - `weight`) x cross-entropy; both parts are logged apart.
    """

    def __init__(self, *args: Any, weight: float, loss_temperature: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._weight = weight
        self._loss_temperature = loss_temperature
        self._parts: dict[str, list[float]] = {"cross_entropy": [], "divergence": []}

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        targets = inputs["labels"][:, 1:]
        learnt = targets != IGNORED
        starts, lengths = inputs["call_start"], inputs["call_length"]
        in_call = _spans(targets.shape, starts - 1, lengths, targets.device)
        student = _logits(model, inputs["input_ids"], inputs["attention_mask"], learnt)
        nll = cross_entropy(student.float(), targets[learnt]).mean()
        self.teacher_model.eval()
        with torch.no_grad():
            ids, mask = inputs["teacher_ids"], inputs["teacher_attention_mask"]
            predicted = _spans((ids.shape[0], ids.shape[1] - 1), mask.sum(1) - lengths - 1, lengths, ids.device)
            if not torch.equal(ids[:, 1:][predicted], targets[in_call]):
                raise ValueError("the teacher's and the student's tokens of the call differ")
            teacher = _logits(self.teacher_model, ids, mask, predicted)
        apart = divergence(student[in_call[learnt]].float(), teacher.float(), beta=self.beta, temperature=self._loss_temperature).mean()
        self._parts["cross_entropy"].append(float(nll.detach()))
        self._parts["divergence"].append(float(apart.detach()))
        loss: torch.Tensor = self._weight * apart + (1 - self._weight) * nll
        return loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        for name, values in self._parts.items():
            if values and "loss" in logs:
                logs[name] = sum(values) / len(values)
                values.clear()
        super().log(logs, *args, **kwargs)


def distillation_config(**arguments: Any) -> GKDConfig:
    """Return the configuration of an off-policy GKD run."""
    return GKDConfig(lmbda=0.0, seq_kd=False, **arguments)


def _spans(shape: Any, starts: torch.Tensor, lengths: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a (rows, columns) mask that is true from each row's start for its length."""
    columns = torch.arange(shape[1], device=device)
    return (columns >= starts[:, None]) & (columns < (starts + lengths)[:, None])


def _logits(model: Any, ids: torch.Tensor, mask: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
    """Return the logits (n, vocabulary) that predict the tokens marked in `predicted` (rows, columns - 1)."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.get_decoder()(input_ids=ids, attention_mask=mask).last_hidden_state
    logits: torch.Tensor = base.get_output_embeddings()(hidden[:, :-1][predicted])
    return logits
