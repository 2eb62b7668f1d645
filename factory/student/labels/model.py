"""The model of a student with a classification head: its base with a new head, with what an earlier stage
left, and merged.

The head, and what stands between it and the base (a pooler), is drawn by chance, trained whole and saved with
the adapter. Promise: label number i of the head is label i of the recipe, in `config.json` too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from factory.adapters.adapter import Adapter
from factory.inference.classifier import padding

_HEADS = ("classifier", "score")


def new_classifier(base: Path, labels: Sequence[str], adapter: Adapter, tokenizer: Any, seed: int) -> Any:
    """Return the base with a head for the labels, to be trained, in float32."""
    torch.manual_seed(seed)
    model, new = _headed(base, labels, tokenizer)
    return adapter.wrap(model, tokenizer, new)


def further_classifier(
    base: Path, labels: Sequence[str], adapter: Adapter, trained: Path, tokenizer: Any
) -> Any:
    """Return the base with what an earlier stage left in `trained`, to be trained on."""
    under = trained if adapter.artifact_kind == "model" else base
    return adapter.resume(_headed(under, labels, tokenizer)[0], trained)


def merged_classifier(
    base: Path, labels: Sequence[str], adapter: Adapter, trained: Path, tokenizer: Any
) -> Any:
    """Return a model of its own, in bfloat16."""
    under = trained if adapter.artifact_kind == "model" else base
    model, _ = _headed(under, labels, tokenizer)
    return adapter.merge(model, trained, tokenizer).to(torch.bfloat16)


def _headed(folder: Path, labels: Sequence[str], tokenizer: Any) -> tuple[Any, list[str]]:
    """Return the model of a folder with a head, and the modules that the folder had no weights for."""
    model, found = AutoModelForSequenceClassification.from_pretrained(
        folder,
        dtype=torch.float32,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
        # The base may have been made for other labels: their head is not this one.
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    model.config.use_cache = False
    model.config.pad_token_id = padding(tokenizer)
    lacking = [*found["missing_keys"], *(key[0] for key in found["mismatched_keys"])]
    new = {_module(name) for name in lacking} | {name for name in _HEADS if hasattr(model, name)}
    return model, sorted(new)


def _module(weight: str) -> str:
    """Return the module that a weight belongs to; of a head in several layers the head itself."""
    first = weight.partition(".")[0]
    return first if first in _HEADS else weight.rpartition(".")[0]
