"""Training: each stage of the recipe in turn on one adapter, or on all weights, then the merge into a model
of its own.

Promise: a stage whose adapter was published is not trained again. Adapter and merged model are written
atomically. Data that another teacher made than the recipe names is refused.
"""

import itertools
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from factory.compress.pruned_base import starting_point
from factory.context.context import Context
from factory.context.lineage import Planned, is_made, plan_adapters, plan_student, record, training_samples
from factory.errors import FactoryError
from factory.models.artifact import publish, verify
from factory.recipe.model import DistillStage
from factory.store.store import Store
from factory.student.model import merged
from factory.student.stage import WATCHED, train_stage
from factory.tasks.rows import TrainingRow


def train(context: Context, store: Store) -> str:
    """Train and merge what is missing; return a line that sums it up."""
    samples = training_samples(store)
    tokenizer = student_tokenizer(context)
    adapters = plan_adapters(context, samples)
    rows = (
        training_rows(context, store, tokenizer)
        if any(not is_made(context, store, adapter) for _, adapter in adapters)
        else []
    )
    base = starting_point(context, store, samples)
    before: Planned | None = None
    learnt: set[str] = set()
    for stage, adapter in adapters:
        folder = context.workspace.models / adapter.name
        if not folder.exists():
            if isinstance(stage, DistillStage):
                _require_same_teacher(context, store)
            train_stage(context, stage, base, adapter, before, rows, tokenizer)
            context.progress.say(f"  {stage.name}: {adapter.name} written")
        artifact = verify(folder)
        log, left_out = artifact.about.pop("training_log"), artifact.about.pop("left_out", {})
        if not store.query("SELECT 1 FROM training_log WHERE artifact_id = ?", [adapter.artifact_id]):
            store.commit(
                training_log=[
                    entry | {"artifact_id": adapter.artifact_id, "stage": stage.name} for entry in log
                ]
            )
        watched = [sample for sample, reason in left_out.items() if reason == WATCHED]
        record(
            context,
            store,
            adapter,
            artifact,
            {"train": [one for one in samples if one not in left_out], "validation": watched},
        )
        learnt.update(one for one in samples if one not in left_out)
        before = adapter
    student = plan_student(context, samples)
    if not (context.workspace.models / student.name).exists():
        assert before is not None
        context.progress.say("  merge: what was trained into the base")
        _merge(context, base, before, student, tokenizer)
    trained = [one for one in samples if one in learnt]
    record(context, store, student, verify(context.workspace.models / student.name), {"train": trained})
    return f"{student.name} from {len(trained)} samples"


def student_tokenizer(context: Context) -> PreTrainedTokenizerBase:
    """Return the base's tokenizer with the student's chat template."""
    tokenizer = AutoTokenizer.from_pretrained(context.base.folder)
    context.chat_format.set_template(
        tokenizer, show_tools=context.student.show_tools, own=context.workspace.prompts
    )
    return tokenizer


def training_rows(
    context: Context, store: Store, tokenizer: PreTrainedTokenizerBase, *, taught: bool = True
) -> list[TrainingRow]:
    """Return the rows of the accepted samples, in the plan's order; `taught`: with what is known of the
    teacher, where `tokenizer` is the base's."""
    served = bool(context.loaded.recipe.teacher.endpoints)
    # Which tokenizer is behind a server is not known: each answer's tokens have to prove themselves.
    same = taught and (
        served or context.teacher.facts().tokenizer_digest == context.base.facts().tokenizer_digest
    )
    teacher = AutoTokenizer.from_pretrained(context.teacher.folder) if same and not served else None
    accepted = store.query(
        "SELECT t.sample_id, t.seed_id, t.messages, t.tools, t.rationale, t.answer, g.text, g.token_ids, "
        "g.token_logprobs, g.topk_ids, g.topk_logprobs, g.messages AS teacher_messages "
        "FROM training_set t JOIN generations g USING (request_key) ORDER BY t.position"
    )
    known: dict[str, Any] = {"own_tokens": same, "vocabulary": context.base.facts().vocab_size}
    data = context.loaded.recipe.data
    rows = [
        context.kind.training_rows(sample, data, tokenizer, teacher, context.chat_format, **known)
        for sample in accepted
    ]
    return list(itertools.chain.from_iterable(rows))


def _require_same_teacher(context: Context, store: Store) -> None:
    teacher = context.teacher
    others = store.query(
        "SELECT teacher, teacher_revision, count(*) AS samples FROM training_set "
        "WHERE teacher != ? OR teacher_revision != ? GROUP BY ALL",
        [teacher.name, teacher.revision],
    )
    if others:
        told = ", ".join(
            f"{row['samples']} of {row['teacher']} at {row['teacher_revision']}" for row in others
        )
        raise FactoryError(
            f"the teacher is {teacher.name} at {teacher.revision}, "
            f"and the data holds samples of another one: {told}",
            "Name the teacher that made the data, make the data again, or train with sft alone.",
        )


def _merge(
    context: Context, base: Path, adapter: Planned, student: Planned, tokenizer: PreTrainedTokenizerBase
) -> None:
    model = merged(
        base,
        context.student.adapter,
        context.workspace.models / adapter.name,
        tokenizer,
        marks=context.chat_format.written_marks(tokenizer),
    )
    with publish(context.workspace.models / student.name, student.about) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
