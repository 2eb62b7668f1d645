"""What a distillation learns from, and TRL's configuration of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trl.experimental.gkd import GKDConfig

from factory.recipe.distill import Distill


@dataclass(frozen=True)
class DistillSpec:
    """What a stage of distillation is to learn: its settings, how many tokens are stored at a position, which
    layers meet (student's, teacher's), and the teacher's width."""

    settings: Distill
    stored_k: int
    layers: Sequence[tuple[int, int]] = ()
    teacher_width: int = 0


def gkd_config(settings: Distill, max_new_tokens: int, **arguments: Any) -> GKDConfig:
    """Return TRL's configuration; its settings of the loss are not used (see `DistillSpec`)."""
    return GKDConfig(
        lmbda=settings.on_policy,
        beta=settings.beta,
        temperature=1.0,
        max_new_tokens=max_new_tokens,
        disable_dropout=False,
        **arguments,
    )
