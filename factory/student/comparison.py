"""What is known of the teacher at the positions of a batch, and how far the student is from it there.

A token that a grammar forced on the teacher is known by its raw probability alone: whether others were
allowed is stored nowhere. Where the teacher would have written another, `trust` leaves the position out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from factory.student.losses.dense import divergence
from factory.student.losses.head import Head
from factory.student.losses.outcomes import moved
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

    def at(self, places: torch.Tensor | slice) -> "TeacherSignal":
        """Return the signal at some of the positions, without layers."""
        ids, logprobs, hidden = (
            None if one is None else one[places] for one in (self.ids, self.logprobs, self.hidden)
        )
        return replace(self, ids=ids, logprobs=logprobs, hidden=hidden, layers=())

    def distribution(self, dtype: torch.dtype) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return the ids that are known (n, k) and their logprobs; None and logits (n, vocabulary) where all
        are."""
        if self.ids is not None and self.logprobs is not None:
            return self.ids, self.logprobs
        assert self.hidden is not None and self.head is not None
        with torch.no_grad():
            return None, self.head.logits(self.hidden).to(dtype)


@dataclass(frozen=True)
class Comparison:
    """How student and teacher are compared in one step. `share`: the target is so much of the way from the
    student to the teacher (`factory.student.pace.Taid`)."""

    step_settings: StepSettings
    tail: Tail = "bucket"
    beta: float = 0.0
    generator: torch.Generator | None = None
    share: float = 1.0

    def __call__(self, logits: torch.Tensor, known: TeacherSignal) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the divergence (n,) at positions, and the token (n,) that is likeliest to the teacher."""
        now = self.step_settings
        ids, theirs = known.distribution(logits.dtype)
        if ids is not None:
            ids, theirs = ids[:, : now.top_k], theirs[:, : now.top_k]
            each = sparse_kl(
                logits, ids, theirs, tail=self.tail, temperature=now.temperature, share=self.share
            )
            return each, ids[:, 0]
        likeliest = theirs.argmax(1)
        theirs = moved(logits, theirs, self.share)
        if now.random_k is None:
            return divergence(logits, theirs, beta=self.beta, temperature=now.temperature), likeliest
        assert self.generator is not None
        each = drawn_divergence(
            logits, theirs, now.random_k, temperature=now.temperature, generator=self.generator
        )
        return each, likeliest
