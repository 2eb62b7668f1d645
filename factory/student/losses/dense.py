"""Losses on whole distributions: cross-entropy, and the divergence of two sets of logits."""

import torch
from torch.nn import functional as F
from trl.experimental.gkd import GKDTrainer


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the negative log-likelihood (n,) in nats of `targets` (n,) under `logits` (n, vocabulary)."""
    return F.cross_entropy(logits, targets, reduction="none")


def divergence(
    student: torch.Tensor, teacher: torch.Tensor, *, beta: float, temperature: float
) -> torch.Tensor:
    """Return the generalized Jensen-Shannon divergence (n,) in nats of two sets of logits (n, vocabulary),
    times the squared temperature.

    `beta` 0 is the forward KL divergence KL(teacher || student), 1 the reverse, between them a mixture
    (Agarwal et al., On-Policy Distillation of Language Models, 2023, arXiv 2306.13649, equation 1).
    `temperature` softens both distributions, which TRL's GKDTrainer keeps for sampling alone; its square
    keeps gradients of one size (Hinton et al., Distilling the Knowledge in a Neural Network, 2015, arXiv
    1503.02531, section 2; the paper of the divergence has no such factor, and no temperature but 1 in
    training). Vocabularies that were padded to different sizes are compared on the rows that both have.
    """
    common = min(student.shape[1], teacher.shape[1])
    each = GKDTrainer.generalized_jsd_loss(
        student[:, :common], teacher[:, :common], beta=beta, temperature=temperature, reduction="none"
    )
    return each.sum(1) * temperature**2
