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

from factory.student.losses.outcomes import evened, likeliest, moved, outcomes

Tail = Literal["bucket", "renormalize", "drop"]


def sparse_kl(
    logits: torch.Tensor,
    ids: torch.Tensor,
    logprobs: torch.Tensor,
    *,
    tail: Tail,
    temperature: float = 1.0,
    share: float = 1.0,
) -> torch.Tensor:
    """Return KL(teacher || student) (n,) in nats.

    `logits` (n, vocabulary) are the student's. `ids` (n, k) are distinct in a row and `logprobs` (n, k) the
    teacher's natural logarithms; -inf marks a place that is empty, never the first. `temperature` softens
    what there is, the k and the rest; the gradient keeps the length that it has at temperature 1
    (`factory.student.losses.outcomes`). `share`: the target lies so far on the way from student to teacher.
    """
    empty = logprobs == -math.inf
    # An empty place repeats the first token, which is then nobody's.
    student = outcomes(logits, torch.where(empty, ids[:, :1], ids))
    student = torch.cat([student[:, :-1].masked_fill(empty, -math.inf), student[:, -1:]], dim=1)
    teacher = _teacher(logprobs.to(logits.dtype), tail, room=(~empty).sum(1) < logits.shape[1])
    teacher = moved(student, teacher, share)
    known, logs = _probabilities(teacher / temperature, tail)
    each = (known * (logs - (student / temperature).log_softmax(1).masked_fill(known == 0, 0))).sum(1)
    if temperature == 1:
        return each
    with torch.no_grad():
        pull = (student / temperature).softmax(1) * known.sum(1, keepdim=True) - known
        plain, _ = _probabilities(teacher, tail)
    return each * evened(student, teacher, pull, temperature=temperature, plain_teacher=plain)


def _teacher(logprobs: torch.Tensor, tail: Tail, *, room: torch.Tensor) -> torch.Tensor:
    """Return the teacher's logarithms (n, k + 1) of the k and of the rest; `room`: there are other tokens."""
    rest = (1 - logprobs.exp().sum(1)).clamp(min=0) * room
    if tail == "renormalize":
        rest = torch.zeros_like(rest)
    return torch.cat([logprobs, rest.log()[:, None]], dim=1)


def _probabilities(logs: torch.Tensor, tail: Tail) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what each outcome counts (n, k + 1), and its logarithm, 0 where it counts nothing."""
    logs = logs.log_softmax(1)
    known = logs.exp()
    if tail == "drop":
        known = torch.cat([known[:, :-1], torch.zeros_like(known[:, -1:])], dim=1)
    return known, logs.masked_fill(known == 0, 0)


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


def drawn_divergence(
    student: torch.Tensor, teacher: torch.Tensor, k: int, *, temperature: float, generator: torch.Generator
) -> torch.Tensor:
    """Return an estimate (n,) in nats of KL(teacher || student) of two sets of logits (n, vocabulary) from
    `k` draws, with temperature and length of gradient as `factory.student.losses.dense.divergence` has
    them."""
    common = min(student.shape[1], teacher.shape[1])
    student, teacher = student[:, :common], teacher[:, :common]
    if temperature == 1:
        return drawn_kl(student, *draw(teacher, k, generator))
    student, teacher = likeliest(student, teacher)
    softened = student / temperature
    pull = softened.detach().softmax(1) - (teacher / temperature).softmax(1)
    each = drawn_kl(softened, *draw(teacher / temperature, k, generator))
    return each * evened(student, teacher, pull, temperature=temperature)
