"""What one step minimizes: cross-entropy on the answers, divergence from the teacher on what it wrote,
hidden-state alignment.

Promise: total = answers x cross-entropy + weight x divergence + hidden weight x alignment, with the weights
of `factory.student.balance`, each the mean over its positions, or the weighted mean, sum(w x loss) / sum(w),
where positions weigh differently. Divergence is the mean over all positions that the teacher is known at; one
that is not trusted or not needed (`factory.student.selection`) adds nothing. Logits exist block by block
(`factory.student.losses.head`), the teacher's too.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from factory.student.balance import ANSWERS, Balance, Term
from factory.student.comparison import Comparison, TeacherSignal
from factory.student.losses.dense import cross_entropy
from factory.student.losses.head import Head, Loss, head_loss
from factory.student.losses.layers import Alignment, alignment
from factory.student.selection import Look, Selection
from factory.tasks.rows import IGNORED

_Sums = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Objective:
    """The loss of one batch, to be called with what the student's decoder puts out.

    `loss_mask` and `teacher_mask` (rows, length - 1) mark the positions whose next token is learnt and those
    where the teacher is known; `openings` those of the latter where it decided something else than the
    student, whether to call at all, so that its distribution is not learnt. `targets` (rows, length - 1) are
    the next tokens, `weights` (rows, length - 1) what each counts, all the same if there are none. `answers`:
    whether cross-entropy counts; it does not on what the student wrote, where trust has no accepted token to
    go by.
    """

    targets: torch.Tensor
    loss_mask: torch.Tensor
    teacher_mask: torch.Tensor | None = None
    known: TeacherSignal = field(default_factory=TeacherSignal)
    comparison: Comparison | None = None
    balance: Balance = field(default_factory=Balance)
    selection: Selection = field(default_factory=Selection)
    openings: torch.Tensor | None = None
    aligned: Alignment = "cosine"
    student_layers: Sequence[int] = ()
    projections: Sequence[nn.Module] = ()
    answers: bool = True
    wants_top1: bool = False
    weights: torch.Tensor | None = None
    # From a process's own number to the mean over all processes: means are over the positions of all of them.
    over_processes: Callable[[torch.Tensor], Any] = field(default=lambda own: own)

    @property
    def wants_layers(self) -> bool:
        """Whether all layers' hidden states are needed, not only the last."""
        return bool(self.student_layers) and self._hidden_weight > 0

    @cached_property
    def taught(self) -> torch.Tensor:
        """The positions (rows, length - 1) where the teacher's distribution is to be learnt."""
        if self.teacher_mask is None:
            return torch.zeros_like(self.loss_mask)
        return self.teacher_mask if self.openings is None else self.teacher_mask & ~self.openings

    def __call__(self, output: Any, head: Head) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the total and its parts, which have no gradient; without divergence where the teacher is
        known nowhere."""
        length = self.targets.shape[1]
        # Prompt tuning puts its own positions before the batch's.
        hidden = output.last_hidden_state[:, -(length + 1) : -1]
        weight, parts = self._weight, dict[str, torch.Tensor]()
        compared, known = self._compared(hidden, head, parts)
        term: Term = "divergence" if self.answers else "own_divergence"
        now: dict[str, float] = {}
        if self.balance.is_open(term, weight, answers=self.answers):
            with torch.no_grad():
                _, sums = self._in_blocks(hidden, head, compared, known, (1.0, 1.0))
            now = {term: float(self.over_processes(sums[1]))}
            now |= {ANSWERS: float(self.over_processes(sums[0]))} if self.answers else {}
        shares = self.balance.answers(weight), self.balance.bounded(term, weight, now)
        total, sums = self._in_blocks(hidden, head, compared, known, shares)
        if self.answers:
            parts = {ANSWERS: sums[0]} | parts
        if weight > 0 and self._count(self.taught):
            parts["divergence"] = sums[1]
        if self.wants_layers and self.teacher_mask is not None:
            aligned = self._alignment(output.hidden_states)
            if self._count(self.teacher_mask):
                parts["hidden"] = aligned.detach()
            now = {name: float(self.over_processes(value)) for name, value in parts.items()}
            total = total + self.balance.bounded("hidden", self._hidden_weight, now) * aligned
        return total, parts

    @property
    def _weight(self) -> float:
        return 0.0 if self.comparison is None else self.comparison.step_settings.weight

    @property
    def _hidden_weight(self) -> float:
        return 0.0 if self.comparison is None else self.comparison.step_settings.hidden_weight

    def _compared(
        self, hidden: torch.Tensor, head: Head, parts: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, TeacherSignal]:
        """Return the positions where the divergence counts, and what is known there; what is seen on the way
        goes into `parts`."""
        taught = self.taught
        if self.teacher_mask is None or not (self._weight > 0 or self.wants_top1):
            return torch.zeros_like(taught), TeacherSignal()
        known = self.known.at(taught[self.teacher_mask])
        chosen = self.answers and self.selection.looks(bool((taught & ~self.loss_mask).any()))
        if self.wants_top1 or chosen:
            look = Look.at(hidden[taught].detach(), head, known, self.targets[taught])
            if self.wants_top1 and (all_taught := self._count(taught)):
                parts["top1"] = look.agrees.sum().float() / all_taught
            if chosen:
                kept = self.selection.of(look, taught.nonzero()[:, 0])
                compared = torch.zeros_like(taught)
                compared[taught] = kept
                return compared, known.at(kept)
        return taught, known

    def _in_blocks(
        self,
        hidden: torch.Tensor,
        head: Head,
        compared: torch.Tensor,
        known: TeacherSignal,
        shares: tuple[float, float],
    ) -> _Sums:
        """Return cross-entropy and divergence, mixed by `shares`, and each by itself."""
        # The teacher's positions first and by themselves, so that no block of logits has to be picked apart.
        loss = self._loss(compared, shares, known if self._weight > 0 else None)
        total, sums = head_loss(hidden[compared], head, loss)
        if not self.answers:
            return total, sums
        others = self.loss_mask & ~compared
        more, rest = head_loss(hidden[others], head, self._loss(others, shares, None))
        return total + more, sums + rest

    def _loss(
        self, positions: torch.Tensor, shares: tuple[float, float], known: TeacherSignal | None
    ) -> Loss:
        """Return the loss of a block of `positions` (rows, length - 1): its share of the mean over all that
        is learnt, and where the teacher is `known` of that over all that it taught."""
        targets, weights = self.targets[positions], None if self.weights is None else self.weights[positions]
        learnt, taught = self._mass(self.loss_mask), self._mass(self.taught)

        def loss(logits: torch.Tensor, span: slice) -> _Sums:
            def share(each: torch.Tensor, mass: float) -> torch.Tensor:
                return (each if weights is None else each * weights[span].to(each.dtype)).sum() / mass

            nll = kl = logits[:0].sum()
            if self.answers:
                nll = share(cross_entropy(logits, targets[span]), learnt)
            if known is not None:
                kl = share(self._divergence(logits, targets[span], known.at(span)), taught)
            return shares[0] * nll + shares[1] * kl, torch.stack([nll, kl])

        return loss

    def _divergence(self, logits: torch.Tensor, targets: torch.Tensor, known: TeacherSignal) -> torch.Tensor:
        assert self.comparison is not None
        each, likeliest = self.comparison(logits, known)
        if self.selection.trust and self.answers:
            each = each * ((likeliest == targets) | (targets == IGNORED))
        return each

    def _count(self, positions: torch.Tensor) -> float:
        """Return how many positions there are, in the mean over the processes."""
        return float(self.over_processes(positions.sum().double()))

    def _mass(self, positions: torch.Tensor) -> float:
        """Return what some positions count together, in the mean over the processes, whose gradients are
        averaged; 1 where there are none, as nothing is divided by it then."""
        own = positions.sum() if self.weights is None else self.weights[positions].sum()
        return float(self.over_processes(own.double())) or 1.0

    def _alignment(self, layers: Sequence[torch.Tensor]) -> torch.Tensor:
        known, length = self.teacher_mask, self.targets.shape[1]
        assert known is not None
        mass = self._count(known) or 1.0
        states = [layers[layer][:, -(length + 1) : -1][known] for layer in self.student_layers]
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
