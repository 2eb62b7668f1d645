"""Static INT8 (W8A8) with llm-compressor: weights by channel, activations by tensor with scales fixed on accepted samples of the store.

SmoothQuant moves outliers of the activations into the weights before (Xiao et al., 2022, arXiv 2211.10438, strength 0.8). The inputs of
`down_proj` are the exception: in small Llama models a few tokens reach a thousand times the usual size there, and one fixed scale for all
tokens would round the rest to zero. They get a scale by token.

Promise: the result is a compressed-tensors checkpoint, written atomically with the student's tokenizer and chat template. The output
layer and the embedding stay as they are: they are the most sensitive, and on small models the embedding is shared with the output.
"""

import json
from pathlib import Path
from typing import Any

import torch
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import QuantizationModifier
from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier
from transformers import AutoModelForCausalLM, AutoTokenizer, default_data_collator

from factory.artifact import publish, verify
from factory.context import Context
from factory.store.store import Store
from factory.student.artifacts import plan_quantized, plan_student, record, training_samples


def quantize(context: Context, store: Store) -> str:
    """Quantize the merged student if that is missing; return a line that sums it up."""
    samples = training_samples(store)
    planned, student = plan_quantized(context, samples), plan_student(context, samples)
    assert context.loaded.recipe.compress is not None
    count = context.loaded.recipe.compress.calibration_samples
    chosen = samples[:: max(1, len(samples) // count)][:count]
    source, target = context.workspace.models / student.name, context.workspace.models / planned.name
    whole = verify(source)
    if not target.exists():
        _quantize(context, store, source, target, chosen, planned.about)
    artifact = verify(target)
    record(context, store, planned, artifact, {"calibrate": chosen})
    return f"{planned.name}, {artifact.weight_bytes / whole.weight_bytes:.2f} of the student's bytes"


def _quantize(context: Context, store: Store, source: Path, target: Path, chosen: list[str], about: dict[str, Any]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(source)
    rows = store.query("SELECT messages, tools FROM samples WHERE list_contains(?, sample_id) ORDER BY sample_id", [chosen])
    context.progress.say(f"  calibrating on {len(rows)} samples")
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16)
    oneshot(
        model=model,
        tokenizer=tokenizer,
        dataset=Dataset.from_list([_tokens(tokenizer, row) for row in rows]),
        recipe=[SmoothQuantModifier(smoothing_strength=0.8), QuantizationModifier(config_groups=_int8_groups(), ignore=["lm_head"])],
        num_calibration_samples=len(rows),
        max_seq_length=context.loaded.recipe.teacher.max_model_len,
        batch_size=1,
        data_collator=default_data_collator,
        log_dir=None,
    )
    with publish(target, about) as staging:
        model.save_pretrained(staging, save_compressed=True)
        tokenizer.save_pretrained(staging)


def _tokens(tokenizer: Any, row: dict[str, Any]) -> dict[str, list[int]]:
    text = tokenizer.apply_chat_template(json.loads(row["messages"]), tools=json.loads(row["tools"]), tokenize=False)
    ids = tokenizer.encode(text, add_special_tokens=False)
    return {"input_ids": ids, "attention_mask": [1] * len(ids)}


def _int8_groups() -> dict[str, QuantizationScheme]:
    weights = QuantizationArgs(num_bits=8, type="int", symmetric=True, strategy="channel", dynamic=False)
    static = QuantizationArgs(num_bits=8, type="int", symmetric=True, strategy="tensor", dynamic=False, observer="minmax")
    by_token = QuantizationArgs(num_bits=8, type="int", symmetric=True, strategy="token", dynamic=True)
    return {
        "static": QuantizationScheme(targets=["re:.*(q|k|v|o|gate|up)_proj$"], weights=weights, input_activations=static),
        "outliers": QuantizationScheme(targets=["re:.*down_proj$"], weights=weights, input_activations=by_token),
    }
