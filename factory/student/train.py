"""Training: each stage of the recipe in turn on one adapter, or on all weights, then the merge into a model
of its own.

Promise: a stage whose adapter was published is not trained again. Adapter and merged model are written
atomically. Data that another teacher made than the recipe names is refused.
"""

from collections import Counter
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from factory.compress.pruned_base import starting_point
from factory.context.lineage import Lineage, Planned
from factory.context.run import Run
from factory.context.training_set import TrainingSet
from factory.errors import FactoryError
from factory.models.artifact import publish, verify
from factory.recipe.model import DistillStage
from factory.store.store import Store
from factory.student.adapter import merged
from factory.student.training_stage import WATCHED, train_stage
from factory.tasks.multitask import LABEL, LABEL_WEIGHT, RATIONALE
from factory.tasks.rationale_rows import build_rationale_rows
from factory.tasks.rows import TrainingRow, build_row, student_template


def train(context: Run, store: Store) -> str:
    """Train and merge what is missing; return a line that sums it up."""
    lineage = Lineage(context, store)
    samples = lineage.samples.ids
    tokenizer = student_tokenizer(context)
    is_trained = all(lineage.is_made(adapter) for _, adapter in lineage.adapters)
    rows = [] if is_trained else training_rows(context, lineage.samples, tokenizer)
    base = starting_point(context, lineage)
    before: Planned | None = None
    learnt: set[str] = set()
    for stage, adapter in lineage.adapters:
        folder = context.workspace.models / adapter.name
        if not folder.exists():
            if isinstance(stage, DistillStage):
                _require_same_teacher(context, lineage.samples)
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
        roles = {"train": [one for one in samples if one not in left_out], "watch": watched}
        lineage.record(adapter, artifact, roles)
        learnt.update(one for one in samples if one not in left_out)
        before = adapter
    student = lineage.student
    if not (context.workspace.models / student.name).exists():
        assert before is not None
        context.progress.say("  merge: what was trained into the base")
        _merge(context, base, before, student, tokenizer)
    trained = [one for one in samples if one in learnt]
    lineage.record(student, verify(context.workspace.models / student.name), {"train": trained})
    return f"{student.name} from {len(trained)} samples"


def student_tokenizer(context: Run) -> PreTrainedTokenizerBase:
    """Return the base's tokenizer with the student's chat template."""
    tokenizer = AutoTokenizer.from_pretrained(context.base.folder)
    tokenizer.chat_template = student_template(context.student.show_tools, context.workspace.prompts)
    return tokenizer


def training_rows(
    context: Run, samples: TrainingSet, tokenizer: PreTrainedTokenizerBase, *, taught: bool = True
) -> list[TrainingRow]:
    """Return the rows of the accepted samples, in the plan's order; `taught`: with what is known of the
    teacher, where `tokenizer` is the base's."""
    served = bool(context.loaded.recipe.teacher.endpoints)
    # Which tokenizer is behind a server is not known: each answer's tokens have to prove themselves.
    same = taught and (
        served or context.teacher.facts().tokenizer_digest == context.base.facts().tokenizer_digest
    )
    teacher = AutoTokenizer.from_pretrained(context.teacher.folder) if same and not served else None
    accepted = samples.rows(
        "t.sample_id, t.seed_id, t.messages, t.tools, t.rationale, t.answer, g.text, g.token_ids, "
        "g.token_logprobs, g.topk_ids, g.topk_logprobs, g.messages AS teacher_messages"
    )
    vocabulary = context.base.facts().vocab_size
    data = context.loaded.recipe.data
    if data.kind != "rationale":
        return [
            build_row(sample, tokenizer, teacher, own_tokens=same, vocabulary=vocabulary)
            for sample in accepted
        ]
    weights = {LABEL: LABEL_WEIGHT, RATIONALE: data.rationale_weight}
    both = [
        build_rationale_rows(
            sample, tokenizer, teacher, own_tokens=same, vocabulary=vocabulary, weights=weights
        )
        for sample in accepted
    ]
    return [row for rows in both for row in rows]


def _require_same_teacher(context: Run, samples: TrainingSet) -> None:
    teacher = context.teacher
    made = Counter(
        (row["teacher"], row["teacher_revision"]) for row in samples.rows("t.teacher, t.teacher_revision")
    )
    del made[teacher.name, teacher.revision]
    if made:
        others = ", ".join(f"{count} of {name} at {revision}" for (name, revision), count in made.items())
        raise FactoryError(
            f"the teacher is {teacher.name} at {teacher.revision}, and the data holds samples of another one:"
            f" {others}",
            "Name the teacher that made the data, make the data again, or train with sft alone.",
        )


def _merge(
    context: Run, base: Path, adapter: Planned, student: Planned, tokenizer: PreTrainedTokenizerBase
) -> None:
    model = merged(base, context.student.adapter, context.workspace.models / adapter.name, tokenizer)
    with publish(context.workspace.models / student.name, student.about) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
