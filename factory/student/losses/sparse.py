"""Divergence from a teacher of whom only the k likeliest tokens are known, or k tokens that were drawn.

Promise: with k = vocabulary `sparse_kl` is the forward KL divergence. What lies outside the k is handled as
`tail` says:

- `bucket`: it is one more outcome, the teacher's remaining mass against the student's. The optimum gives the
  k tokens the teacher's own probabilities and the others, together, its remaining mass; how they share it is
  left to the student.
- `renormalize`: the k are taken for all there is. The optimum gives nothing to the others (Anshumann et al.,
  Sparse Logit Sampling, 2025, arXiv 2503.16870, show the bias).
- `drop`: without the rest. The same optimum, each position weighed by the mass that is known; may be
  negative.

A token that a grammar forced or a temperature drew may lie outside the k: these losses never ask which token
was taken.
"""

import math
from typing import Literal

import torch

Tail = Literal["bucket", "renormalize", "drop"]


def sparse_kl(logits: torch.Tensor, ids: torch.Tensor, logprobs: torch.Tensor, *, tail: Tail) -> torch.Tensor:
    """Return KL(teacher || student) (n,) in nats.

    `logits` (n, vocabulary) are the student's. `ids` (n, k) are distinct in a row and `logprobs` (n, k) the
    teacher's natural logarithms; -inf marks a place that is empty, never the first.
    """
    present = logprobs > -math.inf
    # An empty place repeats the first token, which changes nothing below.
    ids = torch.where(present, ids, ids[:, :1])
    logprobs = logprobs.to(logits.dtype)
    if tail == "renormalize":
        logprobs = logprobs - logprobs.logsumexp(1, keepdim=True)
    known = logprobs.exp()
    logprobs = logprobs.masked_fill(~present, 0)
    chosen = logits.gather(1, ids)
    if tail != "bucket":
        student = chosen - logits.logsumexp(1, keepdim=True)
        return (known * (logprobs - student)).sum(1)
    # Summed without the k: one minus their probability would lose all digits where the student is sure.
    others = logits.scatter(1, ids, torch.finfo(logits.dtype).min).logsumexp(1)
    total = torch.logaddexp(chosen.masked_fill(~present, -math.inf).logsumexp(1), others)
    rest = (1 - known.sum(1)).clamp(min=0) * (present.sum(1) < logits.shape[1])
    return (
        (known * (logprobs - (chosen - total[:, None]))).sum(1)
        + torch.xlogy(rest, rest)
        - rest * (others - total)
    )


def draw(logits: torch.Tensor, k: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `k` tokens (n, k) drawn from the teacher's whole distribution, with replacement, and their
    logprobs (n, k)."""
    logprobs = logits.log_softmax(1)
    ids = torch.multinomial(logprobs.exp(), k, replacement=True, generator=generator)
    return ids, logprobs.gather(1, ids)


def drawn_kl(logits: torch.Tensor, ids: torch.Tensor, logprobs: torch.Tensor) -> torch.Tensor:
    """Return an estimate (n,) in nats of KL(teacher || student) from tokens that `draw` drew; value and
    gradient are unbiased.

    Importance sampling with the teacher itself as proposal, so that every weight is 1 / k. Source: Anshumann
    et al., Sparse Logit Sampling: Accelerating Knowledge Distillation in LLMs, 2025 (arXiv 2503.16870),
    section 3.
    """
    return (logprobs - (logits.gather(1, ids) - logits.logsumexp(1, keepdim=True))).mean(1)
