"""How a recipe says that the student starts from a part of its base."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from factory.recipe.part import Part
from factory.recipe.source import Fault, Source

# Whose decoder has layers of q, k, v, o and gate, up, down projections under these names.
PRUNABLE = ("LlamaForCausalLM", "Qwen2ForCausalLM")
_SHARES = ("layers", "heads", "mlp")
_HALF = " At most half; what is left has to be trained on."


class Prune(Part):
    """Take out of the base what does least on the accepted samples, before anything is trained."""

    layers: float = Field(default=0.0, ge=0, le=0.5, description="Share of the layers, by block influence." + _HALF)
    heads: float = Field(default=0.0, ge=0, le=0.5, description="Share of the attention heads, in whole key-value groups." + _HALF)
    mlp: float = Field(default=0.0, ge=0, le=0.5, description="Share of the MLPs' channels, in multiples of 32." + _HALF)
    samples: int = Field(default=64, ge=1, le=4096, description="Samples on which it is measured.")


def faults(source: Source, settings: Any) -> Iterator[Fault]:
    """Yield every broken rule between the settings of `student.prune`, as `factory.recipe.rules` does."""
    if isinstance(settings, dict) and not any(settings.get(share) for share in _SHARES):
        yield source.fault(("student", "prune"), f"takes nothing out; write a share of {', '.join(_SHARES)}, or remove it")
