"""How much each part of a model does for given texts: layers, attention heads by key-value group, channels of
the MLPs, embedding width.

Methods: a layer's block influence is 1 - the mean cosine of the states that enter and leave it (Men et al.,
ShortGPT, 2024, arXiv 2403.03853). A channel's importance is the root mean square of its activation times the
norm of the weights that read it, the measure of Wanda (Sun et al., 2023, arXiv 2306.11695) summed over a
column; a group's is the same over the outputs of its heads. A dimension of the embedding is worth the mean
absolute value that the norms give out there, summed over the norms, as in Minitron (Muralidharan et al.,
2024, arXiv 2407.14679). All from forward passes alone.

Promise: a higher number is a part that is missed more; only numbers of one kind in one layer (of layers: in
one model) are compared. Not promised: that what two parts do together is the sum of what they do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Importance:
    """`layers` (layers,), `groups` (layers, key-value groups), `channels` (layers, intermediate size),
    `width` (hidden size,); float64. `shared`: attention heads of a group."""

    layers: torch.Tensor
    groups: torch.Tensor
    channels: torch.Tensor
    width: torch.Tensor
    shared: int = 1


def measure(model: Any, texts: Iterable[list[int]]) -> Importance:
    """Return what the parts of a Transformers model do on `texts`, token ids of one text at a time; at least
    one."""
    decoder = model.get_decoder()
    layers = decoder.layers
    moved = torch.zeros(len(layers), dtype=torch.float64)
    squares: list[dict[str, Any]] = [{"heads": 0.0, "channels": 0.0} for _ in layers]
    width = torch.zeros(model.config.get_text_config().hidden_size, dtype=torch.float64)
    tokens = 0

    def loudness(_: Any, __: Any, output: Any) -> None:
        nonlocal width
        width += output.double().abs().flatten(0, -2).sum(0)

    def influence(place: int) -> Any:
        def hook(_: Any, arguments: Any, keywords: Any, output: Any) -> None:
            before = (arguments[0] if arguments else keywords["hidden_states"]).double()
            after = (output[0] if isinstance(output, tuple) else output).double()
            moved[place] += (1 - torch.nn.functional.cosine_similarity(before, after, dim=-1)).sum()

        return hook

    def reading(place: int, what: str) -> Any:
        def hook(_: Any, arguments: Any) -> None:
            squares[place][what] += arguments[0].double().square().flatten(0, -2).sum(0)

        return hook

    hooks = [decoder.norm.register_forward_hook(loudness)]
    for place, layer in enumerate(layers):
        hooks += [
            norm.register_forward_hook(loudness)
            for norm in (layer.input_layernorm, layer.post_attention_layernorm)
        ]
        hooks.append(layer.register_forward_hook(influence(place), with_kwargs=True))
        hooks.append(layer.self_attn.o_proj.register_forward_pre_hook(reading(place, "heads")))
        hooks.append(layer.mlp.down_proj.register_forward_pre_hook(reading(place, "channels")))
    try:
        with torch.no_grad():
            for ids in texts:
                model(input_ids=torch.tensor([ids]), use_cache=False, logits_to_keep=1)
                tokens += len(ids)
    finally:
        for one in hooks:
            one.remove()
    settings = model.config.get_text_config()
    groups, shared = (
        settings.num_key_value_heads,
        settings.num_attention_heads // settings.num_key_value_heads,
    )
    heads, channels = [], []
    for layer, found in zip(layers, squares, strict=True):
        norms = layer.self_attn.o_proj.weight.double().square().sum(0)
        heads.append((found["heads"] / tokens * norms).unflatten(0, (groups, -1)).sum(1).sqrt())
        channels.append(
            (found["channels"] / tokens * layer.mlp.down_proj.weight.double().square().sum(0)).sqrt()
        )
    return Importance(
        moved / tokens, torch.stack(heads).detach(), torch.stack(channels).detach(), width / tokens, shared
    )
