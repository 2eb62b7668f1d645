"""Mixed precision: which weights bear four bits, measured, and which keep eight.

A unit is what vLLM runs as one matrix and has to have one format: query, key and value; output; gate and up;
down. Its sensitivity is the mean KL divergence of the model's next-token distributions, on samples, when this
unit alone is rounded to four bits, in nats (as in ZeroQ, Cai et al., 2020, arXiv 2001.00281, with the model's
own outputs on its own data). Units are lowered in the order of divergence by byte that is saved, until the
budget is met: a greedy answer to a knapsack.

Promise: weights are back, bit for bit, when `sensitivities` returns. Not promised: that divergences add up;
the budget in nats is that of the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

_UNITS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}


@dataclass(frozen=True)
class Unit:
    """Modules that share a format: their names in the model, and how many weights they have together."""

    modules: tuple[str, ...]
    weights: int


def units(model: Any) -> list[Unit]:
    """Return the units of a Transformers decoder, layer after layer."""
    found = []
    for place, layer in enumerate(model.get_decoder().layers):
        for parts in _UNITS.values():
            count = sum(layer.get_submodule(part).weight.numel() for part in parts)
            found.append(Unit(tuple(f"model.layers.{place}.{part}" for part in parts), count))
    return found


def sensitivities(model: Any, texts: Sequence[list[int]], group_size: int) -> list[float]:
    """Return each unit's divergence in nats, in the order of `units`; `texts` are token ids."""
    with torch.no_grad():
        before = [_logprobs(model, ids) for ids in texts]
        return [_rounded_alone(model, unit, texts, before, group_size) for unit in units(model)]


def _rounded_alone(
    model: Any, unit: Unit, texts: Sequence[list[int]], before: Sequence[torch.Tensor], group_size: int
) -> float:
    layers = [model.get_submodule(name) for name in unit.modules]
    kept = [layer.weight.detach().clone() for layer in layers]
    try:
        for layer in layers:
            layer.weight.copy_(four_bits(layer.weight, group_size))
        kl = torch.cat(
            [
                (old.exp() * (old - _logprobs(model, ids))).sum(1)
                for ids, old in zip(texts, before, strict=True)
            ]
        )
    finally:
        for layer, weight in zip(layers, kept, strict=True):
            layer.weight.copy_(weight)
    return max(0.0, float(kl.mean()))


def _logprobs(model: Any, ids: list[int]) -> torch.Tensor:
    return torch.log_softmax(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float(), dim=1)


def four_bits(weight: torch.Tensor, group_size: int) -> torch.Tensor:
    """Return a weight (out, in) rounded to 16 symmetric steps in groups of `group_size` inputs."""
    grouped = weight.float().unflatten(1, (-1, group_size))
    scale = grouped.abs().amax(2, keepdim=True) / 7.5
    steps = torch.where(scale > 0, grouped / scale, torch.zeros_like(grouped)).round().clamp(-8, 7)
    return (steps * scale).flatten(1).to(weight.dtype)


def lowered(
    found: Sequence[Unit], divergences: Sequence[float], *, bits: float | None, max_kl: float | None
) -> list[Unit]:
    """Return the units that get four bits, so that a weight has `bits` on average at most (4 to 8), or that
    their divergences sum up to at most `max_kl` nats; the others have eight."""
    total = sum(unit.weights for unit in found)
    order = sorted(range(len(found)), key=lambda i: (divergences[i] / found[i].weights, i))
    chosen: list[Unit] = []
    spent, saved = 0.0, 0
    for i in order:
        if bits is not None and 8 - 4 * saved / total <= bits:
            break
        if max_kl is not None and spent + divergences[i] > max_kl:
            break
        chosen.append(found[i])
        spent, saved = spent + divergences[i], saved + found[i].weights
    return chosen
