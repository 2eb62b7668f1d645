"""The loss of a student with a head: (1 - w) times the cross-entropy of the labels plus w times the
divergence from the teacher's probabilities of them."""

import torch
from torch.nn import functional as F


def label_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    counts: torch.Tensor,
    teacher: torch.Tensor | None = None,
    *,
    weight: float = 0.0,
    temperature: float = 1.0,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the loss and its parts, means over the texts (n,) by what each `counts`. `targets` are places of
    labels, `teacher` (n, labels) their probabilities; without it the cross-entropy is all there is."""
    shares = counts / counts.sum()
    crossed = (shares * F.cross_entropy(logits, targets, reduction="none")).sum()
    if teacher is None:
        return crossed, {"cross_entropy": crossed.detach()}
    diverged = (shares * divergence(logits, teacher, temperature)).sum()
    total = (1 - weight) * crossed + weight * diverged
    return total, {"cross_entropy": crossed.detach(), "divergence": diverged.detach()}


def divergence(logits: torch.Tensor, teacher: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Return KL(teacher || student) (n,) in nats, both softened by the temperature, times its square, as
    `factory.student.losses.dense` has it. A label may have the probability 0."""
    softened = teacher ** (1 / temperature)
    softened = softened / softened.sum(1, keepdim=True)
    student = F.log_softmax(logits / temperature, dim=1)
    known = torch.xlogy(softened, softened)
    return (known - softened * student).sum(1) * temperature**2
