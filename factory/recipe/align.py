"""Settings of alignment: hidden states are drawn towards the teacher's, and little else is learnt."""

from typing import Literal

from pydantic import Field

from factory.recipe.distill import Distill, Hidden, Weight, WeightSchedule
from factory.recipe.training import Taught


class Aligned(Hidden):
    """Hidden states drawn towards the teacher's, all through the stage."""

    weight: Weight = Field(default=1.0, description="Weight of the hidden states; by default it stays.")


class Align(Taught):
    """Alignment: learn the teacher's hidden states."""

    batch_size: int = Field(default=8, ge=1, le=1024, description="Samples in one step.")
    learning_rate: float = Field(
        default=2e-4, gt=0, le=1, description="Highest learning rate, reached after the warm-up."
    )
    teacher: Literal["in_process", "cache"] = Field(
        default="in_process",
        description="Where the states come from. in_process: the teacher is loaded beside the student. "
        "cache: it is loaded alone, before training, and its hidden states are kept on disk.",
    )
    cache_gb: float = Field(
        default=8.0, gt=0, le=100_000, description="Most disk for the cache, in GB. Only with teacher: cache."
    )
    hidden: Aligned = Field(default=Aligned(), description="Which layers meet, and how.")
    weight: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="What cross-entropy on the answer counts beside the hidden states. 0: it does not.",
    )

    def as_distill(self) -> Distill:
        """Return the same as settings of distillation, of which the divergence counts nothing, and
        cross-entropy 1 if it counts at all: what counts is the share of each."""
        shared = type(self).model_fields.keys() & Distill.model_fields.keys()
        weight = _times(self.hidden.weight, 1 / (self.weight or 1.0))
        hidden = self.hidden.model_copy(update={"weight": weight})
        return Distill(
            **{name: getattr(self, name) for name in shared}
            | {"weight": 0.0, "mix": "share", "hidden": hidden}
        )


def _times(weight: Weight, factor: float) -> Weight:
    if not isinstance(weight, WeightSchedule):
        return weight * factor
    values = {"start": weight.start, "peak": weight.peak, "end": weight.end}
    return weight.model_copy(
        update={name: value * factor for name, value in values.items() if value is not None}
    )
