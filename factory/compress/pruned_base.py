"""The student's starting point: its base, or what pruning leaves of it.

Promise: a pruned base is an ordinary model folder, written atomically, with the base's tokenizer and a map of
what was kept.
"""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from factory.compress.calibration import chat_texts
from factory.compress.prune import prune
from factory.context.lineage import Lineage
from factory.context.run import Run
from factory.context.training_set import spread
from factory.models.artifact import publish, verify


def starting_point(run: Run, lineage: Lineage) -> Path:
    """Return the folder that training starts from; a pruned base is made now if it is not there."""
    planned, settings = lineage.pruned, run.student.prune
    if planned is None or settings is None:
        return run.base.folder
    folder = run.workspace.models / planned.name
    chosen = spread(lineage.samples.ids, settings.calibration_samples)
    if not folder.exists():
        tokenizer = AutoTokenizer.from_pretrained(run.base.folder)
        # A base's own template may know no tools: that of the student does.
        run.chat_format.set_template(tokenizer, show_tools=run.student.show_tools, own=run.workspace.prompts)
        texts = chat_texts(run, lineage.samples, tokenizer, chosen)
        model = AutoModelForCausalLM.from_pretrained(run.base.folder, dtype=torch.float32).eval()
        ids = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
        with publish(folder, planned.about) as staging:
            prune(model, ids, settings, staging, run.progress.say)
            AutoTokenizer.from_pretrained(run.base.folder).save_pretrained(staging)
    lineage.record(planned, verify(folder), {"calibrate": chosen})
    return folder
