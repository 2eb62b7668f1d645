"""The stage that makes the merged student smaller: fewer parts, fewer tokens, fewer weights, fewer bits.

Promise: the result is a model folder that vLLM serves, written atomically with the student's tokenizer and
chat template.
"""

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from factory.compress.calibration import chat_texts
from factory.compress.embedding import cut_model
from factory.compress.prune import prune
from factory.compress.quantize import quantize
from factory.compress.vocabulary import Vocabulary
from factory.context.context import Context
from factory.context.lineage import plan_quantized, plan_student, record, spread, training_samples
from factory.models.artifact import publish, verify
from factory.recipe.compress import is_calibrated
from factory.store.store import Store


def compress(context: Context, store: Store) -> str:
    """Compress the merged student if that is missing; return a line that sums it up."""
    samples = training_samples(store)
    planned, student = plan_quantized(context, samples), plan_student(context, samples)
    settings = context.loaded.recipe.compress
    assert settings is not None
    source, target = context.workspace.models / student.name, context.workspace.models / planned.name
    whole = verify(source)
    if not target.exists():
        model, tokenizer = (
            AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16),
            AutoTokenizer.from_pretrained(source),
        )
        with publish(target, planned.about) as staging:
            tokenizer.save_pretrained(staging)
            if settings.prune:
                texts = chat_texts(
                    context, store, tokenizer, spread(samples, settings.prune.calibration_samples)
                )
                ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
                prune(model.float().eval(), ids, settings.prune, staging, context.progress.say)
                model = AutoModelForCausalLM.from_pretrained(staging, dtype=torch.bfloat16)
            if settings.vocabulary:
                vocabulary = Vocabulary(source)
                kept = vocabulary.kept(
                    [*chat_texts(context, store, tokenizer, samples), *_tools(store)], settings.vocabulary
                )
                context.progress.say(f"  {len(kept)} of {len(vocabulary)} tokens stay")
                vocabulary.cut(staging, kept)
                cut_model(model, kept)
                tokenizer = AutoTokenizer.from_pretrained(staging)
            shrink(
                context,
                model,
                tokenizer,
                chat_texts(context, store, tokenizer, spread(samples, settings.calibration_samples)),
            )
            model.save_pretrained(staging, save_compressed=True)
    artifact = verify(target)
    looked_at = spread(samples, settings.prune.calibration_samples) if settings.prune else []
    if is_calibrated(settings):
        looked_at += [one for one in spread(samples, settings.calibration_samples) if one not in looked_at]
    record(context, store, planned, artifact, {"calibrate": looked_at})
    return f"{planned.name}, {artifact.weight_bytes / whole.weight_bytes:.2f} of the student's bytes"


def shrink(context: Context, model: Any, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> None:
    """Set a model's weights to zero and round them, in place, as the recipe says; `texts` are what that is
    worked out on."""
    settings = context.loaded.recipe.compress
    assert settings is not None
    if not (settings.sparsity or settings.quantize):
        return
    zeros = (
        f"{settings.sparsity.pattern} sparsity by {settings.sparsity.method}" if settings.sparsity else None
    )
    told = f"on {len(texts)} samples" if is_calibrated(settings) else None
    context.progress.say(f"  {', '.join(part for part in (zeros, settings.quantize, told) if part)}")
    quantize(model, tokenizer, texts, settings, context.loaded.recipe.teacher.max_model_len)


def _tools(store: Store) -> list[str]:
    return [row["tools"] for row in store.query("SELECT DISTINCT tools FROM training_set")]
