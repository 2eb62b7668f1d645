"""Losses on whole distributions: cross-entropy, and the divergence of two sets of logits."""

import math

import torch
from torch.nn import functional as F
from trl.experimental.gkd import GKDTrainer

from factory.student.losses.outcomes import evened, likeliest


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the negative log-likelihood (n,) in nats of `targets` (n,) under `logits` (n, vocabulary)."""
    return F.cross_entropy(logits, targets, reduction="none")


def divergence(
    student: torch.Tensor, teacher: torch.Tensor, *, beta: float, temperature: float
) -> torch.Tensor:
    """Return the generalized Jensen-Shannon divergence (n,) of two sets of logits (n, vocabulary), with the
    length of gradient that forward KL has at temperature 1.

    `beta` 0 is the forward KL divergence KL(teacher || student) in nats, 1 the reverse, between them a
    mixture (Agarwal et al., On-Policy Distillation of Language Models, 2023, arXiv 2306.13649, equation 1).
    `temperature` softens both distributions, which TRL's GKDTrainer keeps for sampling alone; other than 1,
    it does so after they are cut to what is likeliest (`factory.student.losses.outcomes`).

    Beta and temperature so change the direction of a position's gradient and not its length: by itself the
    mixture's is beta (1 - beta) of forward KL's, and a temperature's square (Hinton et al., Distilling the
    Knowledge in a Neural Network, 2015, arXiv 1503.02531, section 2) evens out only what is small against it.
    The factor is taken as a constant. Vocabularies that were padded to different sizes are compared on the
    rows that both have.
    """
    common = min(student.shape[1], teacher.shape[1])
    student, teacher = student[:, :common], teacher[:, :common]
    if temperature != 1:
        student, teacher = likeliest(student, teacher)
    each = GKDTrainer.generalized_jsd_loss(
        student, teacher, beta=beta, temperature=temperature, reduction="none"
    ).sum(1)
    if beta == 0 and temperature == 1:
        return each
    scale = beta * (1 - beta) if 0 < beta < 1 else 1.0
    pull = _pull(student.detach() / temperature, teacher / temperature, beta) / scale
    return each / scale * evened(student, teacher, pull, temperature=temperature)


def _pull(student: torch.Tensor, teacher: torch.Tensor, beta: float) -> torch.Tensor:
    """Return the gradient (n, outcomes) of the divergence by the student's logits."""
    mine, theirs = student.log_softmax(1), teacher.log_softmax(1)
    own = mine.exp()
    if beta == 0:
        return own - theirs.exp()
    share = 1.0
    if beta < 1:
        share = 1 - beta
        theirs = torch.logaddexp(theirs + math.log(beta), mine + math.log(share))
    above = mine - theirs
    return share * own * (above - (own * above).sum(1, keepdim=True))
