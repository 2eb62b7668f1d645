"""The rows of a model's embedding and output layer that stay when its vocabulary is cut.

Promise: every logit of a token that stays is what it was, to the bit. Layers between are not touched.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


def cut_model(model: Any, kept: Sequence[int]) -> None:
    """Take all rows but `kept` out of a Transformers model's embedding and output layer, in place, and number
    its special tokens again."""
    rows = torch.tensor(kept)
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    embedding = model.get_input_embeddings()
    smaller = nn.Embedding.from_pretrained(embedding.weight.detach()[rows].clone(), freeze=False)
    model.set_input_embeddings(smaller)
    head = model.get_output_embeddings()
    weight = smaller.weight if tied else nn.Parameter(head.weight.detach()[rows].clone())
    cut = nn.Linear(weight.shape[1], len(kept), bias=head.bias is not None, dtype=weight.dtype)
    cut.weight = weight
    if head.bias is not None:
        cut.bias = nn.Parameter(head.bias.detach()[rows].clone())
    model.set_output_embeddings(cut)
    new = {old: place for place, old in enumerate(kept)}
    for settings in (model.config, model.generation_config):
        for name in [name for name in vars(settings) if name.endswith("_token_id")]:
            old = getattr(settings, name)
            ids = [new[each] for each in (old if isinstance(old, list) else [old]) if each in new]
            setattr(settings, name, (ids if isinstance(old, list) else ids[0]) if ids else None)
    model.config.get_text_config().vocab_size = len(kept)
