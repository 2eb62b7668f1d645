"""Outcomes that two sets of logits are compared on: the whole vocabulary, or a few tokens and one outcome for
all others; and how long the gradient of a comparison is.

Promise: a temperature other than 1 softens a few likely tokens and one sum of the rest, never the tail
itself: at temperature 2 tens of thousands of unlikely tokens would have half of the mass. At temperature 1
nothing is cut.
"""

import torch

NUCLEUS = 20
# A shorter gradient is rounding, and is not drawn out.
_SHORTEST = 1e-4


def outcomes(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return logits (n, k + 1) of the tokens `ids` (n, k), and of all others as one outcome, from `logits`
    (n, vocabulary)."""
    # Summed without the k: one minus their probability would lose all digits where a model is sure.
    others = logits.scatter(1, ids, torch.finfo(logits.dtype).min).logsumexp(1, keepdim=True)
    return torch.cat([logits.gather(1, ids), others], dim=1)


def likeliest(student: torch.Tensor, teacher: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both sets of logits (n, vocabulary) on the tokens that are likeliest to the teacher, and on all
    others as one outcome."""
    ids = teacher.topk(min(NUCLEUS, teacher.shape[1] - 1), dim=1).indices
    return outcomes(student, ids), outcomes(teacher, ids)


@torch.no_grad()
def evened(
    student: torch.Tensor,
    teacher: torch.Tensor,
    pull: torch.Tensor,
    *,
    temperature: float,
    plain_teacher: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the factor (n,) that gives a divergence at `temperature` the length of gradient that forward KL
    has at temperature 1, on the same outcomes.

    `pull` (n, outcomes) is the divergence's gradient by the student's logits over the temperature;
    `plain_teacher` the teacher's probabilities at temperature 1, where they are not the softmax of its
    logits.
    """
    theirs = teacher.softmax(1) if plain_teacher is None else plain_teacher
    wanted = student.softmax(1) * theirs.sum(1, keepdim=True) - theirs
    return temperature * wanted.norm(dim=1) / pull.norm(dim=1).clamp(min=_SHORTEST)


def moved(student: torch.Tensor, teacher: torch.Tensor, share: float) -> torch.Tensor:
    """Return logits (n, m) that are `share` of the way from the student's to the teacher's, without gradient:
    the target of TAID (Shing et al., 2025, arXiv 2501.16937, equation 3). Of two sizes, what both have."""
    if share == 1:
        return teacher
    common = min(student.shape[1], teacher.shape[1])
    mine, theirs = student[:, :common].detach(), teacher[:, :common]
    # What the teacher never says stays unsaid.
    return torch.where(theirs.isneginf(), theirs, (1 - share) * mine + share * theirs)
