"""What one step minimizes: cross-entropy on the answers, divergence from the teacher on what it wrote,
hidden-state alignment.

Promise: total = (1 - weight) x cross-entropy + weight x divergence + hidden weight x alignment, each the mean
over its positions, or the weighted mean, sum(w x loss) / sum(w), where positions weigh differently. Logits
exist block by block (`factory.student.losses.head`), the teacher's too.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from factory.student.losses.dense import cross_entropy, divergence
from factory.student.losses.head import Head, Loss, head_loss
from factory.student.losses.layers import Alignment, alignment
from factory.student.losses.sparse import Tail, drawn_divergence, sparse_kl
from factory.student.step_settings import StepSettings


@dataclass(frozen=True)
class TeacherSignal:
    """What is known of the teacher at each position that it wrote (n positions): the stored distribution
    `ids` and `logprobs` (n, k), or its last hidden states `hidden` (n, width) with its `head`; and its
    `layers`, each (n, width)."""

    ids: torch.Tensor | None = None
    logprobs: torch.Tensor | None = None
    hidden: torch.Tensor | None = None
    head: Head | None = None
    layers: Sequence[torch.Tensor] = ()


@dataclass(frozen=True)
class Objective:
    """The loss of one batch, to be called with what the student's decoder puts out.

    `loss_mask` and `teacher_mask` (rows, length - 1) mark the positions whose next token is learnt and those
    where the teacher is known; `targets` (rows, length - 1) are the next tokens, `weights` (rows, length - 1)
    what each counts, all the same if there are none. `answers`: whether cross-entropy counts; it does not on
    what the student wrote.
    """

    targets: torch.Tensor
    loss_mask: torch.Tensor
    teacher_mask: torch.Tensor | None = None
    known: TeacherSignal = field(default_factory=TeacherSignal)
    step_settings: StepSettings | None = None
    tail: Tail = "bucket"
    beta: float = 0.0
    aligned: Alignment = "cosine"
    student_layers: Sequence[int] = ()
    projections: Sequence[nn.Module] = ()
    generator: torch.Generator | None = None
    answers: bool = True
    weights: torch.Tensor | None = None
    # From a process's own number to the mean over all processes: means are over the positions of all of them.
    over_processes: Callable[[torch.Tensor], Any] = field(default=lambda own: own)

    @property
    def wants_layers(self) -> bool:
        """Whether all layers' hidden states are needed, not only the last."""
        return (
            bool(self.student_layers)
            and self.step_settings is not None
            and self.step_settings.hidden_weight > 0
        )

    def __call__(self, output: Any, head: Head) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the total and its parts, which have no gradient."""
        rows, length = self.targets.shape
        # Prompt tuning puts its own positions before the batch's.
        hidden = output.last_hidden_state[:, -(length + 1) : -1]
        weight = 0.0 if self.step_settings is None or self.teacher_mask is None else self.step_settings.weight
        known = torch.zeros_like(self.loss_mask) if self.teacher_mask is None else self.teacher_mask
        # The teacher's positions first and by themselves, so that no block of logits has to be picked apart.
        total, sums = head_loss(hidden[known], head, self._loss(known, weight, teacher=weight > 0))
        if self.answers:
            others = self.loss_mask & ~known
            more, rest = head_loss(hidden[others], head, self._loss(others, weight, teacher=False))
            total, sums = total + more, sums + rest
        parts = {"cross_entropy": sums[0]} if self.answers else {}
        if weight > 0:
            parts["divergence"] = sums[1]
        if self.wants_layers and self.step_settings is not None:
            states = [
                output.hidden_states[layer][:, -(length + 1) : -1][known] for layer in self.student_layers
            ]
            aligned = self._alignment(states, float(self.over_processes(known.sum().double())) or 1.0)
            parts["hidden"] = aligned.detach()
            total = total + self.step_settings.hidden_weight * aligned
        return total, parts

    def _loss(self, positions: torch.Tensor, weight: float, *, teacher: bool) -> Loss:
        """Return the loss of a block of `positions` (rows, length - 1): its share of the mean over all that
        is learnt, and with `teacher` of that over these positions."""
        targets, weights = self.targets[positions], None if self.weights is None else self.weights[positions]
        learnt, known = self._mass(self.loss_mask), self._mass(positions)

        def loss(logits: torch.Tensor, span: slice) -> tuple[torch.Tensor, torch.Tensor]:
            def share(each: torch.Tensor, mass: float) -> torch.Tensor:
                return (each if weights is None else each * weights[span].to(each.dtype)).sum() / mass

            zero = logits[:0].sum()
            nll = share(cross_entropy(logits, targets[span]), learnt) if self.answers else zero
            kl = share(self._divergence(logits, span), known) if teacher else zero
            return (1 - weight) * nll + weight * kl, torch.stack([nll, kl])

        return loss

    def _mass(self, positions: torch.Tensor) -> float:
        """Return what some positions count together, in the mean over the processes, whose gradients are
        averaged; 1 where there are none, as nothing is divided by it then."""
        own = positions.sum() if self.weights is None else self.weights[positions].sum()
        return float(self.over_processes(own.double())) or 1.0

    def _divergence(self, logits: torch.Tensor, span: slice) -> torch.Tensor:
        known, step_settings = self.known, self.step_settings
        assert step_settings is not None
        if step_settings.top_k is not None:
            assert known.ids is not None and known.logprobs is not None
            return sparse_kl(
                logits,
                known.ids[span, : step_settings.top_k],
                known.logprobs[span, : step_settings.top_k],
                tail=self.tail,
                temperature=step_settings.temperature,
            )
        assert known.hidden is not None and known.head is not None
        with torch.no_grad():
            teacher = known.head.logits(known.hidden[span]).to(logits.dtype)
        if step_settings.random_k is None:
            return divergence(logits, teacher, beta=self.beta, temperature=step_settings.temperature)
        assert self.generator is not None
        return drawn_divergence(
            logits,
            teacher,
            step_settings.random_k,
            temperature=step_settings.temperature,
            generator=self.generator,
        )

    def _alignment(self, states: Sequence[torch.Tensor], mass: float) -> torch.Tensor:
        each = [
            alignment(projection(own.float()), theirs.float(), loss=self.aligned).sum() / mass
            for projection, own, theirs in zip(self.projections, states, self.known.layers, strict=True)
        ]
        return torch.stack(each).mean()


def take_objectives(model: Any) -> None:
    """Let `model(..., objective=f)` return what `f` makes of the decoder's output and the head, instead of
    logits.

    Everything that is learnt is so used inside the model's own forward pass, as accelerate's wrappers for
    several processes need it.
    """
    plain = model.forward

    def forward(*arguments: Any, objective: Objective | None = None, **inputs: Any) -> Any:
        if objective is None:
            return plain(*arguments, **inputs)
        inputs = {
            name: value
            for name, value in inputs.items()
            if value is not None and name not in ("labels", "return_dict")
        }
        inputs |= {"use_cache": False, "output_hidden_states": objective.wants_layers, "return_dict": True}
        return objective(model.get_decoder()(*arguments, **inputs), Head.of(model))

    # Transformers looks at the signature before it generates.
    forward.__signature__ = inspect.signature(plain)  # type: ignore[attr-defined]
    model.forward = forward
