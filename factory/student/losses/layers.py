"""Hidden-state alignment of student and teacher, layer by layer.

Layers are counted as Transformers counts them: 0 is the embedding, n the output of block n, the last one
after the final norm. Sources: Romero et al., FitNets, 2014 (arXiv 1412.6550) for the learned projection; Sanh
et al., DistilBERT, 2019 (arXiv 1910.01108) for the cosine; Jiao et al., TinyBERT, 2019 (arXiv 1909.10351) for
the squared error on pairs of layers.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

Alignment = Literal["cosine", "mse"]


def pairs(depths: Sequence[float], student_layers: int, teacher_layers: int) -> list[tuple[int, int]]:
    """Return (student's layer, teacher's layer) at each relative depth, 0 the embedding and 1 the last
    layer."""
    return [(round(depth * student_layers), round(depth * teacher_layers)) for depth in depths]


def projections(student_width: int, teacher_width: int, count: int, seed: int) -> nn.ModuleList:
    """Return `count` learned maps from the student's width to the teacher's, random until they are fitted;
    where the widths are the same, none is needed and each is the identity."""
    if student_width == teacher_width:
        return nn.ModuleList(nn.Identity() for _ in range(count))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.ModuleList(nn.Linear(student_width, teacher_width, bias=False) for _ in range(count))


class Ridge:
    """The linear map from states to states with the least squared error, in closed form and float64; `decay`
    times the mean square of the former holds it where few rows say little."""

    def __init__(self, width: int, target: int, decay: float = 1e-3):
        self._squares = torch.zeros(width, width, dtype=torch.float64)
        self._products = torch.zeros(width, target, dtype=torch.float64)
        self._decay, self.seen = decay, 0

    def add(self, states: torch.Tensor, targets: torch.Tensor) -> None:
        """Take in pairs of states (n, width) and (n, target)."""
        states, targets = states.detach().cpu().double(), targets.detach().cpu().double()
        self._squares += states.T @ states
        self._products += states.T @ targets
        self.seen += len(states)

    def weight(self) -> torch.Tensor:
        """Return the map (target, width), as `nn.Linear` holds it."""
        held = (
            self._decay * self._squares.diagonal().mean() * torch.eye(len(self._squares), dtype=torch.float64)
        )
        return torch.linalg.solve(self._squares + held, self._products).T


def alignment(student: torch.Tensor, teacher: torch.Tensor, *, loss: Alignment) -> torch.Tensor:
    """Return how far (n,) the student's states (n, width), projected already, are from the teacher's (n,
    width).

    `cosine` is 1 - cosine, from 0 to 2; `mse` the mean squared difference over the width.
    """
    if loss == "cosine":
        return 1 - nn.functional.cosine_similarity(student, teacher.to(student.dtype), dim=1)
    return (student - teacher.to(student.dtype)).square().mean(1)
