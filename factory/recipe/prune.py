"""Settings of pruning: of the student's base before training, or of the trained student after."""

import math
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from factory.recipe.source import Fault, Source
from factory.system.settings import Settings

# Whose decoder has layers of q, k, v, o and gate, up, down projections under these names.
PRUNABLE = ("LlamaForCausalLM", "Qwen2ForCausalLM")
SHARES = ("layers", "heads", "mlp", "width")
_HALF = " At most half in one step; what is left has to be trained on."
CHANNELS = 32  # what INT8 and INT4 kernels want a matrix's sides to be a multiple of


class Prune(Settings):
    """Take out of a model what does least on the accepted samples: whole layers, heads, channels,
    dimensions."""

    layers: float = Field(
        default=0.0, ge=0, le=0.5, description="Share of the layers, by block influence." + _HALF
    )
    heads: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="Share of the attention heads, in whole key-value groups." + _HALF,
    )
    mlp: float = Field(
        default=0.0, ge=0, le=0.5, description="Share of the MLPs' channels, in multiples of 32." + _HALF
    )
    width: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="Share of the embedding's dimensions, in multiples of 32 and of the heads; costs most."
        + _HALF,
    )
    calibration_samples: int = Field(
        default=64,
        ge=1,
        le=4096,
        serialization_alias="samples",
        description="Samples on which it is measured.",
    )

    def kept_layers(self, layers: int) -> int:
        """Return how many of the layers stay, at least half of them."""
        return layers - min(round(self.layers * layers), layers // 2)

    def kept_groups(self, groups: int) -> int:
        """Return how many of a layer's key-value groups stay, at least half of them."""
        return groups - min(round(self.heads * groups), groups // 2)

    def kept_channels(self, channels: int) -> int:
        """Return how many of an MLP's channels stay, at least half, and a multiple of 32 if any go."""
        return _kept(channels, self.mlp, CHANNELS)

    def kept_width(self, width: int, heads: int) -> int:
        """Return how many of the embedding's dimensions stay, at least half, and a multiple of 32 and of the
        `heads` that stay if any go."""
        return _kept(width, self.width, math.lcm(CHANNELS, heads))


def _kept(count: int, share: float, multiple: int) -> int:
    if share == 0:
        return count
    half = math.ceil(count / 2 / multiple)
    return min(count, max(half, round(count * (1 - share) / multiple)) * multiple)


def faults(source: Source, where: tuple[str, str], settings: Any) -> Iterator[Fault]:
    """Yield every broken rule between the settings of a `prune`, as `factory.recipe.rules` does."""
    if isinstance(settings, dict) and not any(settings.get(share) for share in SHARES):
        yield source.fault(where, f"all shares are 0; set one of {', '.join(SHARES)}, or remove it")
