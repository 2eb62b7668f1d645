"""Structured pruning: whole layers, key-value groups of heads, channels of the MLPs and dimensions of the
embedding go; the result is an ordinary model folder.

Promise: with nothing taken out the folder's tensors are those of the model, bit for bit. What is left
computes what the model would with the missing parts' outputs set to zero (layers: skipped). Every layer keeps
the same number of heads and channels, as configurations have one number for all. Groups are counted in whole
ones, channels and dimensions in multiples of 32, which INT8 and INT4 kernels want, and dimensions of the
heads that stay, too, which configurations want. Not promised: a good model; it has to be trained on.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig

from factory.compress.importance import Importance, measure
from factory.models.stops import keep_stops
from factory.recipe.prune import Prune

KEPT = "kept_parts.json"


@dataclass(frozen=True)
class Kept:
    """What stays: the layers, for each of those its groups and channels, and the embedding's dimensions, as
    their places in the unpruned model, in order."""

    layers: list[int]
    groups: list[list[int]]
    channels: list[list[int]]
    width: list[int]


def prune(
    model: Any, texts: Sequence[list[int]], settings: Prune, folder: Path, say: Callable[[str], None]
) -> None:
    """Write what stays of a model in float32 into `folder`, with the map of what was kept (`KEPT`: places in
    the model of layers, by layer of key-value groups and channels, of dimensions); `texts` are the token ids
    on which importance is measured."""
    say(f"  prune: measuring on {len(texts)} samples")
    kept = choose(measure(model, texts), settings)
    counts = (
        f"{len(kept.layers)} layers, {len(kept.groups[0])} key-value groups, {len(kept.channels[0])} channels"
    )
    say(f"  prune: {counts}, {len(kept.width)} dimensions stay")
    save_pruned(model.to(torch.bfloat16), kept, folder)
    (folder / KEPT).write_text(json.dumps(vars(kept)), encoding="utf-8")


def choose(importance: Importance, settings: Prune) -> Kept:
    """Return what stays when the least important parts are taken out."""
    layers, groups, channels = (
        importance.layers.numel(),
        importance.groups.shape[1],
        importance.channels.shape[1],
    )
    stay = _best(importance.layers, settings.kept_layers(layers))
    return Kept(
        stay,
        [_best(importance.groups[layer], settings.kept_groups(groups)) for layer in stay],
        [_best(importance.channels[layer], settings.kept_channels(channels)) for layer in stay],
        _best(
            importance.width,
            settings.kept_width(importance.width.numel(), settings.kept_groups(groups) * importance.shared),
        ),
    )


def _best(scores: torch.Tensor, count: int) -> list[int]:
    # Sorted with a stable order, so that equals are taken from the front on every machine.
    return sorted(scores.argsort(descending=True, stable=True)[:count].tolist())


def save_pruned(model: Any, kept: Kept, folder: Path) -> None:
    """Write weights and configuration of what stays into `folder`; the tokenizer is the caller's."""
    settings = model.config.get_text_config()
    size = getattr(settings, "head_dim", None) or settings.hidden_size // settings.num_attention_heads
    shared = settings.num_attention_heads // settings.num_key_value_heads
    tensors, zeros = {}, {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and settings.tie_word_embeddings:
            continue
        tensor = _narrowed(name, tensor, kept.width, settings.hidden_size)
        if not name.startswith("model.layers."):
            tensors[name] = tensor.contiguous()
            continue
        old, _, part = name.removeprefix("model.layers.").partition(".")
        if int(old) not in kept.layers:
            continue
        place = kept.layers.index(int(old))
        new = f"model.layers.{place}.{part}"
        tensors[new] = _cut(part, tensor, kept.groups[place], kept.channels[place], shared, size)
        if part == "self_attn.o_proj.weight":
            zeros[new.replace("weight", "bias")] = torch.zeros(tensor.shape[0], dtype=tensor.dtype)
    config = _configuration(settings, kept, shared, size)
    if getattr(config, "attention_bias", False) and not getattr(settings, "attention_bias", False):
        tensors |= zeros
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config.architectures = (
        ["LlamaForCausalLM"] if isinstance(config, LlamaConfig) else model.config.architectures
    )
    config.dtype = model.dtype
    config.save_pretrained(folder)
    keep_stops(model)
    model.generation_config.save_pretrained(folder)


def _narrowed(name: str, tensor: torch.Tensor, width: list[int], whole: int) -> torch.Tensor:
    """Return what stays of a tensor when only these of the embedding's `whole` dimensions do."""
    module = name.rpartition(".")[0].rpartition(".")[2]
    if len(width) == whole:
        return tensor
    if module in ("o_proj", "down_proj"):
        return tensor[width]
    if module.endswith("norm"):
        # A norm divides by the root of a mean: over fewer dimensions it is larger by just this.
        return tensor[width] * (whole / len(width)) ** 0.5
    return tensor[:, width] if tensor.ndim == 2 else tensor


def _cut(
    part: str, tensor: torch.Tensor, groups: Sequence[int], channels: Sequence[int], shared: int, size: int
) -> torch.Tensor:
    """Return what stays of one tensor of a layer; `shared` query heads belong to a group, a head is `size`
    wide."""
    module = part.rpartition(".")[0]
    if module in ("mlp.gate_proj", "mlp.up_proj"):
        return tensor[list(channels)].contiguous()
    if part == "mlp.down_proj.weight":
        return tensor[:, list(channels)].contiguous()
    wide = size * (1 if module in ("self_attn.k_proj", "self_attn.v_proj") else shared)
    places = [group * wide + place for group in groups for place in range(wide)]
    if module in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"):
        return tensor[places].contiguous()
    if part == "self_attn.o_proj.weight":
        return tensor[:, places].contiguous()
    return tensor.contiguous()


def _configuration(settings: Any, kept: Kept, shared: int, size: int) -> Any:
    groups = len(kept.groups[0])
    values = settings.to_dict()
    changed: dict[str, Any] = {
        "hidden_size": len(kept.width),
        "num_hidden_layers": len(kept.layers),
        "num_key_value_heads": groups,
        "num_attention_heads": groups * shared,
        "intermediate_size": len(kept.channels[0]),
    }
    if values.get("layer_types"):
        changed["layer_types"] = [values["layer_types"][layer] for layer in kept.layers]
    same_heads = groups == settings.num_key_value_heads and len(kept.width) == settings.hidden_size
    if same_heads or isinstance(settings, LlamaConfig):
        return type(settings).from_dict(
            values | changed | ({"head_dim": size} if isinstance(settings, LlamaConfig) else {})
        )
    # vLLM's Qwen2 works the width of a head out of their number, which no longer holds. A Llama with biases
    # computes the same.
    same = (
        "vocab_size", "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps",
        "rope_parameters", "tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id",
    )  # fmt: skip
    return LlamaConfig(
        **{name: values.get(name) for name in same},
        **(changed | {"layer_types": None}),
        head_dim=size,
        attention_bias=True,
    )
