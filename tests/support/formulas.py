"""The divergences of distillation in float64, written from their formulas for one position at a time."""

import torch

LIKELIEST = 20


def outcomes(logits: torch.Tensor, ids: list[int]) -> torch.Tensor:
    """Return a row of logits of these tokens, and of all others as one outcome."""
    others = [token for token in range(len(logits)) if token not in set(ids)]
    chosen = [logits[token] for token in ids]
    return torch.stack([*chosen, logits[others].logsumexp(0)] if others else chosen)


def _plain(student: torch.Tensor, teacher: torch.Tensor, beta: float) -> torch.Tensor:
    s, t = student.softmax(0), teacher.softmax(0)
    if beta == 0:
        return (t * (t / s).log()).sum()
    if beta == 1:
        return (s * (s / t).log()).sum()
    mixture = beta * t + (1 - beta) * s
    return beta * (t * (t / mixture).log()).sum() + (1 - beta) * (s * (s / mixture).log()).sum()


def divergence(
    student: torch.Tensor, teacher: torch.Tensor, *, beta: float = 0.0, temperature: float = 1.0
) -> torch.Tensor:
    """Return the divergence of two rows of logits, to be differentiated by the student's: what autograd says
    of its length is that of forward KL at temperature 1."""
    common = min(len(student), len(teacher))
    student, teacher = student[:common].double(), teacher[:common].double()
    if temperature != 1:
        ids = teacher.topk(min(LIKELIEST, common - 1)).indices.tolist()
        student, teacher = outcomes(student, ids), outcomes(teacher, ids)
    at = student.detach().requires_grad_()
    with torch.enable_grad():
        (plain,) = torch.autograd.grad(_plain(at, teacher, 0.0), at)
        (own,) = torch.autograd.grad(_plain(at / temperature, teacher / temperature, beta), at)
    scale = beta * (1 - beta) if 0 < beta < 1 else 1.0
    if beta == 0 and temperature == 1:
        return _plain(student, teacher, 0.0)
    length = plain.norm() / (own.norm() * temperature / scale).clamp(min=1e-4) * temperature
    return _plain(student / temperature, teacher / temperature, beta) / scale * length
