"""Training: each stage of the recipe in turn on one LoRA adapter, then the merge into a model of its own.

Promise: a stage whose adapter was published is not trained again. Adapter and merged model are written atomically. Data that another
teacher made than the recipe names is refused.
"""

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from factory.artifact import publish, verify
from factory.context import Context
from factory.errors import FactoryError
from factory.recipe.model import DistillStage
from factory.store.store import Store
from factory.student.artifacts import Planned, is_made, plan_adapters, plan_student, record, training_samples
from factory.student.rows import TrainingRow, build_row, student_template
from factory.student.stage import train_stage


def train(context: Context, store: Store) -> str:
    """Train and merge what is missing; return a line that sums it up."""
    samples = training_samples(store)
    tokenizer = student_tokenizer(context)
    adapters = plan_adapters(context, samples)
    rows = _rows(context, store, tokenizer) if any(not is_made(context, store, adapter) for _, adapter in adapters) else []
    before: Planned | None = None
    for stage, adapter in adapters:
        folder = context.workspace.models / adapter.name
        if not folder.exists():
            if isinstance(stage, DistillStage):
                _require_same_teacher(context, store)
            train_stage(context, stage, adapter, before, rows, tokenizer)
            context.progress.say(f"  {stage.name}: {adapter.name} written")
        artifact = verify(folder)
        log, left_out = artifact.about.pop("training_log"), artifact.about.pop("left_out", {})
        if not store.query("SELECT 1 FROM training_log WHERE artifact_id = ?", [adapter.artifact_id]):
            store.commit(training_log=[entry | {"artifact_id": adapter.artifact_id, "stage": stage.name} for entry in log])
        record(context, store, adapter, artifact, {"train": [sample for sample in samples if sample not in left_out]})
        before = adapter
    merged = plan_student(context, samples)
    if not (context.workspace.models / merged.name).exists():
        assert before is not None
        context.progress.say("  merge: adapter into base")
        _merge(context, before, merged, tokenizer)
    record(context, store, merged, verify(context.workspace.models / merged.name), {"train": samples})
    return f"{merged.name} from {len(samples)} samples"


def student_tokenizer(context: Context) -> PreTrainedTokenizerBase:
    """Return the base's tokenizer with the student's chat template."""
    tokenizer = AutoTokenizer.from_pretrained(context.base.folder)
    tokenizer.chat_template = student_template(context.student.show_tools)
    return tokenizer


def _rows(context: Context, store: Store, tokenizer: PreTrainedTokenizerBase) -> list[TrainingRow]:
    served = bool(context.loaded.recipe.teacher.endpoints)
    # Which tokenizer is behind a server is not known: each answer's tokens have to prove themselves.
    same = served or context.teacher.facts().tokenizer_digest == context.base.facts().tokenizer_digest
    teacher = AutoTokenizer.from_pretrained(context.teacher.folder) if same and not served else None
    accepted = store.query(
        "SELECT t.sample_id, t.messages, t.tools, g.text, g.token_ids, g.token_logprobs, g.topk_ids, g.topk_logprobs, "
        "g.messages AS teacher_messages FROM training_set t JOIN generations g USING (request_key) ORDER BY t.position"
    )
    vocabulary = context.base.facts().vocab_size
    return [build_row(sample, tokenizer, teacher, own_tokens=same, vocabulary=vocabulary) for sample in accepted]


def _require_same_teacher(context: Context, store: Store) -> None:
    teacher = context.teacher
    others = store.query(
        "SELECT teacher, teacher_revision, count(*) AS samples FROM training_set WHERE teacher != ? OR teacher_revision != ? GROUP BY ALL",
        [teacher.name, teacher.revision],
    )
    if others:
        told = ", ".join(f"{row['samples']} of {row['teacher']} at {row['teacher_revision']}" for row in others)
        raise FactoryError(
            f"the teacher is {teacher.name} at {teacher.revision}, and the data holds samples of another one: {told}",
            "Name the teacher that made the data, make the data again, or train with sft alone.",
        )


def _merge(context: Context, adapter: Planned, merged: Planned, tokenizer: PreTrainedTokenizerBase) -> None:
    base = AutoModelForCausalLM.from_pretrained(context.base.folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, context.workspace.models / adapter.name).merge_and_unload().to(torch.bfloat16)
    with publish(context.workspace.models / merged.name, merged.about) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
