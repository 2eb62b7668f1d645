"""The student's starting point: its base, or what pruning leaves of it.

Promise: a pruned base is an ordinary model folder, written atomically, with the base's tokenizer and a map of
what was kept.
"""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from factory.compress.calibration import chat_texts
from factory.compress.prune import prune
from factory.context.context import Context
from factory.context.lineage import plan_pruned, record, spread
from factory.models.artifact import publish, verify
from factory.store.store import Store


def starting_point(context: Context, store: Store, samples: list[str]) -> Path:
    """Return the folder that training starts from; a pruned base is made now if it is not there."""
    planned, settings = plan_pruned(context, samples), context.student.prune
    if planned is None or settings is None:
        return context.base.folder
    folder = context.workspace.models / planned.name
    chosen = spread(samples, settings.calibration_samples)
    if not folder.exists():
        tokenizer = AutoTokenizer.from_pretrained(context.base.folder)
        # A base's own template may know no tools: that of the student does.
        context.chat_format.set_template(
            tokenizer, show_tools=context.student.show_tools, own=context.workspace.prompts
        )
        texts = chat_texts(context, store, tokenizer, chosen)
        model = AutoModelForCausalLM.from_pretrained(context.base.folder, dtype=torch.float32).eval()
        ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
        with publish(folder, planned.about) as staging:
            prune(model, ids, settings, staging, context.progress.say)
            AutoTokenizer.from_pretrained(context.base.folder).save_pretrained(staging)
    record(context, store, planned, verify(folder), {"calibrate": chosen})
    return folder
