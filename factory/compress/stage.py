"""The stage that makes the merged student smaller: fewer tokens, fewer weights, fewer bits.

Promise: the result is a model folder that vLLM serves, written atomically with the student's tokenizer and chat template.
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from factory.artifact import publish, verify
from factory.compress.embedding import cut_model
from factory.compress.quantize import quantize
from factory.compress.vocabulary import Vocabulary
from factory.context import Context
from factory.recipe.compress import is_calibrated
from factory.store.store import Store
from factory.student.artifacts import Planned, plan_quantized, plan_student, record, training_samples


def compress(context: Context, store: Store) -> str:
    """Compress the merged student if that is missing; return a line that sums it up."""
    samples = training_samples(store)
    planned, student = plan_quantized(context, samples), plan_student(context, samples)
    settings = context.loaded.recipe.compress
    assert settings is not None
    chosen = samples[:: max(1, len(samples) // settings.calibration_samples)][: settings.calibration_samples]
    source, target = context.workspace.models / student.name, context.workspace.models / planned.name
    whole = verify(source)
    if not target.exists():
        _compress(context, store, source, planned, chosen)
    artifact = verify(target)
    record(context, store, planned, artifact, {"calibrate": chosen} if is_calibrated(settings) else {})
    return f"{planned.name}, {artifact.weight_bytes / whole.weight_bytes:.2f} of the student's bytes"


def _compress(context: Context, store: Store, source: Path, planned: Planned, chosen: list[str]) -> None:
    settings = context.loaded.recipe.compress
    assert settings is not None
    tokenizer = AutoTokenizer.from_pretrained(source)
    rows = store.query("SELECT sample_id, messages, tools FROM training_set ORDER BY position")
    texts = {
        row["sample_id"]: str(tokenizer.apply_chat_template(json.loads(row["messages"]), tools=json.loads(row["tools"]), tokenize=False))
        for row in rows
    }
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16)
    with publish(context.workspace.models / planned.name, planned.about) as staging:
        tokenizer.save_pretrained(staging)
        if settings.vocabulary:
            vocabulary = Vocabulary(source)
            kept = vocabulary.kept([*texts.values(), *(row["tools"] for row in rows)], settings.vocabulary)
            context.progress.say(f"  {len(kept)} of {len(vocabulary)} tokens stay")
            vocabulary.cut(staging, kept)
            cut_model(model, kept)
            tokenizer = AutoTokenizer.from_pretrained(staging)
        if settings.sparsity or settings.quantize:
            zeros = f"{settings.sparsity.pattern} sparsity by {settings.sparsity.method}" if settings.sparsity else None
            samples = f"on {len(chosen)} samples" if is_calibrated(settings) else None
            context.progress.say(f"  {', '.join(part for part in (zeros, settings.quantize, samples) if part)}")
            quantize(model, tokenizer, [texts[one] for one in chosen], settings, context.loaded.recipe.teacher.max_model_len)
        model.save_pretrained(staging, save_compressed=True)
