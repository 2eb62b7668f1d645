"""The losses of distillation, on the positions where they count.

All logits are (n, vocabulary), one row for each token that is predicted; nothing of prompts or padding reaches these functions.
"""

import torch
from torch.nn import functional as F
from trl.experimental.gkd import GKDTrainer


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean negative log-likelihood in nats of `targets` (n,) under `logits` (n, vocabulary), computed in float32."""
    return F.cross_entropy(logits.float(), targets)


def divergence(student: torch.Tensor, teacher: torch.Tensor, *, beta: float, temperature: float) -> torch.Tensor:
    """Return the mean generalized Jensen-Shannon divergence in nats of two sets of logits (n, vocabulary), in float32.

    `beta` 0 is the forward KL divergence KL(teacher || student), 1 the reverse. Both distributions are softened by `temperature`, which
    TRL's GKDTrainer keeps for sampling alone. Source: Agarwal et al., On-Policy Distillation of Language Models, 2023 (arXiv 2306.13649),
    equation 1.
    """
    return GKDTrainer.generalized_jsd_loss(student.float(), teacher.float(), beta=beta, temperature=temperature, reduction="batchmean")
