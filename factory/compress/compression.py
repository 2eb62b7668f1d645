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
from factory.context.lineage import Lineage
from factory.context.run import Run
from factory.context.training_set import spread
from factory.models.artifact import publish, verify
from factory.recipe.compress import is_calibrated
from factory.store.store import Store


def compress(run: Run, store: Store) -> str:
    """Compress the merged student if that is missing; return a line that sums it up."""
    lineage = Lineage(run, store)
    samples, planned, student = lineage.samples, lineage.quantized, lineage.student
    settings = run.loaded.recipe.compress
    assert settings is not None
    source, target = run.workspace.models / student.name, run.workspace.models / planned.name
    whole = verify(source)
    if not target.exists():
        model, tokenizer = (
            AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16),
            AutoTokenizer.from_pretrained(source),
        )
        with publish(target, planned.about) as staging:
            tokenizer.save_pretrained(staging)
            if settings.prune:
                chosen = spread(samples.ids, settings.prune.calibration_samples)
                texts = chat_texts(run, samples, tokenizer, chosen)
                ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
                prune(model.float().eval(), ids, settings.prune, staging, run.progress.say)
                model = AutoModelForCausalLM.from_pretrained(staging, dtype=torch.bfloat16)
            if settings.vocabulary:
                vocabulary = Vocabulary(source)
                tools = {row["tools"] for row in samples.rows("t.tools")}
                kept = vocabulary.kept(
                    [*chat_texts(run, samples, tokenizer), *sorted(tools)], settings.vocabulary
                )
                run.progress.say(f"  {len(kept)} of {len(vocabulary)} tokens stay")
                vocabulary.cut(staging, kept)
                cut_model(model, kept)
                tokenizer = AutoTokenizer.from_pretrained(staging)
            shrink(
                run,
                model,
                tokenizer,
                chat_texts(run, samples, tokenizer, spread(samples.ids, settings.calibration_samples)),
            )
            model.save_pretrained(staging, save_compressed=True)
    artifact = verify(target)
    looked_at = spread(samples.ids, settings.prune.calibration_samples) if settings.prune else []
    if is_calibrated(settings):
        looked_at += [
            one for one in spread(samples.ids, settings.calibration_samples) if one not in looked_at
        ]
    lineage.record(planned, artifact, {"calibrate": looked_at})
    return f"{planned.name}, {artifact.weight_bytes / whole.weight_bytes:.2f} of the student's bytes"


def shrink(run: Run, model: Any, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> None:
    """Set a model's weights to zero and round them, in place, as the recipe says; `texts` are what that is
    worked out on."""
    settings = run.loaded.recipe.compress
    assert settings is not None
    if not (settings.sparsity or settings.quantize):
        return
    zeros = (
        f"{settings.sparsity.pattern} sparsity by {settings.sparsity.method}" if settings.sparsity else None
    )
    measured_on = f"on {len(texts)} samples" if is_calibrated(settings) else None
    run.progress.say(f"  {', '.join(part for part in (zeros, settings.quantize, measured_on) if part)}")
    quantize(model, tokenizer, texts, settings, run.loaded.recipe.teacher.max_model_len)
