"""Fewer bits with llm-compressor: 8-bit weights and activations, static or dynamic, and 4-bit weights.

* `w8a8-static`: weights by channel, activations by tensor with scales fixed on accepted samples of the
  store. SmoothQuant moves outliers of the activations into the weights before (Xiao et al., 2022, arXiv
  2211.10438, strength 0.8). The inputs of `down_proj` are the exception: in small Llama models a few
  tokens reach a thousand times the usual size there, and one fixed scale for all tokens would round the
  rest to zero. They get a scale by token.
* `w8a8-dynamic`: weights by channel, activations by token, scales worked out as the tokens come: nothing
  to calibrate.
* `w4a16`: weights in groups that share a scale, rounded one column after the other with the error carried
  into the rest, on accepted samples (GPTQ, Frantar et al., 2022, arXiv 2210.17323); activations stay as
  they are.
* `fp8`: weights in 8-bit floating point (E4M3) by channel, activations by token: nothing to calibrate,
  for GPUs that compute in it.
* `mixed`: 4-bit weights where they were measured to harm least (`factory.compress.sensitivity`),
  `w8a8-dynamic` elsewhere.

Before that, weights may be set to zero: SparseGPT (Frantar and Alistarh, 2023, arXiv 2301.00774) mends what
stays, Wanda (Sun et al., 2023, arXiv 2306.11695) does not.

Promise: the model is quantized in place and saves as a compressed-tensors checkpoint, which vLLM serves. The
output layer and the embedding stay as they are: they are the most sensitive, and on small models the
embedding is shared with the output.
"""

from collections.abc import Sequence
from typing import Any

import torch
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.gptq import GPTQModifier
from llmcompressor.modifiers.pruning import SparseGPTModifier, WandaPruningModifier
from llmcompressor.modifiers.quantization import QuantizationModifier
from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier
from transformers import default_data_collator

from factory.compress.sensitivity import lowered, sensitivities, units
from factory.context.training_set import spread
from factory.models.precision import fast_precision
from factory.recipe.compress import Compress, is_calibrated

_LINEAR = "re:.*(q|k|v|o|gate|up)_proj$"
_DOWN = "re:.*down_proj$"
_KEPT = ["lm_head"]
_MEASURED = 16  # samples on which every unit is tried


def quantize(model: Any, tokenizer: Any, texts: Sequence[str], settings: Compress, max_length: int) -> None:
    """Quantize a Transformers model in place; `texts` are what it is calibrated on, of which nothing beyond
    `max_length` tokens is read. The model runs in the format that is fast here and is stored in its own."""
    stored = model.dtype
    model.to(getattr(torch, fast_precision()))
    calibration: dict[str, Any] = {}
    low: list[str] = []
    high: list[str] = []
    if is_calibrated(settings):
        rows = [tokenizer.encode(text, add_special_tokens=False)[:max_length] for text in texts]
        if settings.quantize == "mixed":
            low, high = _harmed_least(model, spread(rows, _MEASURED), settings)
        calibration = {
            "tokenizer": tokenizer,
            "dataset": Dataset.from_list(
                [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in rows]
            ),
            "num_calibration_samples": len(texts),
            # The observers of activations weigh what they saw last: another order is another model.
            "shuffle_calibration_samples": False,
            "max_seq_length": max_length,
            "batch_size": 1,
            "data_collator": default_data_collator,
        }
    recipe = [*_sparsifiers(settings), *_modifiers(settings, low, high)]
    oneshot(model=model, recipe=recipe, log_dir=None, **calibration)
    _store_in(model, stored)
    # Saving would write the configuration of the folder that the model came from, with its old vocabulary,
    # over the model's own, and trip over the recipe that an earlier compression left there.
    model.config._name_or_path = model.name_or_path = ""


def _store_in(model: Any, dtype: torch.dtype) -> None:
    """Give everything that is stored as a number its format back; weights become integers when they are
    written, and are divided by their scales before, as exactly as they are."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.is_floating_point() and not (
                name == "weight" and hasattr(module, "quantization_scheme")
            ):
                parameter.data = parameter.data.to(dtype)


def _harmed_least(model: Any, rows: Sequence[list[int]], settings: Compress) -> tuple[list[str], list[str]]:
    """Return the modules that get four bits, and the others."""
    bits = 6.0 if settings.bits is None and settings.max_kl is None else settings.bits
    found = units(model)
    chosen = lowered(
        found, sensitivities(model, rows, settings.group_size), bits=bits, max_kl=settings.max_kl
    )
    low = {name for unit in chosen for name in unit.modules}
    return sorted(low), [name for unit in found for name in unit.modules if name not in low]


def _sparsifiers(settings: Compress) -> list[Any]:
    if (sparsity := settings.sparsity) is None:
        return []
    modifier = SparseGPTModifier if sparsity.method == "sparsegpt" else WandaPruningModifier
    structured = sparsity.pattern == "2:4"
    return [
        modifier(
            sparsity=0.5 if structured else sparsity.share,
            mask_structure="2:4" if structured else "0:0",
            targets=[_LINEAR, _DOWN],
            ignore=_KEPT,
        )
    ]


def _modifiers(settings: Compress, low: list[str], high: list[str]) -> list[Any]:
    if settings.quantize is None:
        return []
    if settings.quantize == "fp8":
        return [QuantizationModifier(targets=[_LINEAR, _DOWN], scheme="FP8_DYNAMIC", ignore=_KEPT)]
    by_channel = _integers("channel")
    by_token = _integers("token", dynamic=True)
    grouped = _integers("group", bits=4, group_size=settings.group_size)
    if settings.quantize == "w4a16":
        return [
            GPTQModifier(
                config_groups={"grouped": QuantizationScheme(targets=[_LINEAR, _DOWN], weights=grouped)},
                ignore=_KEPT,
            )
        ]
    dynamic = QuantizationScheme(targets=[_LINEAR, _DOWN], weights=by_channel, input_activations=by_token)
    if settings.quantize == "w8a8-dynamic":
        return [QuantizationModifier(config_groups={"dynamic": dynamic}, ignore=_KEPT)]
    if settings.quantize == "mixed":
        dynamic.targets = high
        groups = {"grouped": QuantizationScheme(targets=low, weights=grouped), "dynamic": dynamic}
        return [
            GPTQModifier(
                config_groups={name: group for name, group in groups.items() if group.targets}, ignore=_KEPT
            )
        ]
    static = _integers("tensor", observer="minmax")
    scales = {
        "static": QuantizationScheme(targets=[_LINEAR], weights=by_channel, input_activations=static),
        "outliers": QuantizationScheme(targets=[_DOWN], weights=by_channel, input_activations=by_token),
    }
    return [
        SmoothQuantModifier(smoothing_strength=0.8),
        QuantizationModifier(config_groups=scales, ignore=_KEPT),
    ]


def _integers(strategy: str, *, bits: int = 8, dynamic: bool = False, **more: Any) -> QuantizationArgs:
    return QuantizationArgs(
        num_bits=bits, type="int", symmetric=True, strategy=strategy, dynamic=dynamic, **more
    )
