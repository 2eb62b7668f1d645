"""Training: each stage of the recipe in turn on one adapter, or on all weights, then the merge into a model
of its own.

Promise: a stage whose adapter was published is not trained again. Adapter and merged model are written
atomically. Data that another teacher made than the recipe names is refused.
"""

from collections import Counter
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from factory.compress.pruned_base import starting_point
from factory.context.lineage import Lineage, Planned
from factory.context.run import Run
from factory.context.training_set import TrainingSet
from factory.errors import FactoryError
from factory.models.artifact import publish, verify
from factory.recipe.model import DistillStage
from factory.recipe.sources import DataSource
from factory.store.store import Store
from factory.student.labels.rows import TextRow, text_rows
from factory.student.labels.stage import merge_labels, train_label_stage
from factory.student.model import merged
from factory.student.training_stage import WATCHED, train_stage
from factory.tasks.conversation import Conversation
from factory.tasks.rows import RowBuilder, TrainingRow


def train(run: Run, store: Store) -> str:
    """Train and merge what is missing; return a line that sums it up."""
    lineage = Lineage(run, store)
    samples = lineage.samples.ids
    tokenizer = student_tokenizer(run)
    rows = _Rows(run, lineage, tokenizer)
    base = starting_point(run, lineage)
    before: Planned | None = None
    learnt: set[str] = set()
    aside: set[str] = set()
    for stage, adapter in lineage.adapters:
        folder = run.workspace.models / adapter.name
        if not folder.exists():
            if isinstance(stage, DistillStage):
                _require_same_teacher(run, lineage.samples)
            if run.labels:
                train_label_stage(run, stage, base, adapter, before, rows.texts, tokenizer)
            else:
                train_stage(run, stage, base, adapter, before, rows.written, tokenizer)
            run.progress.say(f"  {stage.name}: {adapter.name} written")
        artifact = verify(folder)
        log, left_out = artifact.about.pop("training_log"), artifact.about.pop("left_out", {})
        if not store.query("SELECT 1 FROM training_log WHERE artifact_id = ?", [adapter.artifact_id]):
            store.commit(
                training_log=[
                    entry | {"artifact_id": adapter.artifact_id, "stage": stage.name} for entry in log
                ]
            )
        watched = [sample for sample, reason in left_out.items() if reason == WATCHED]
        roles = {"train": [one for one in samples if one not in left_out], "validation": watched}
        lineage.record(adapter, artifact, roles)
        learnt.update(one for one in samples if one not in left_out)
        aside.update(watched)
        before = adapter
    student = lineage.student
    if not (run.workspace.models / student.name).exists():
        assert before is not None
        run.progress.say("  merge: what was trained into the base")
        if run.labels:
            merge_labels(run, base, before, student, rows.texts, tokenizer)
        else:
            _merge(run, base, before, student, tokenizer)
    trained = [one for one in samples if one in learnt]
    used = {"train": trained} | (
        {"calibrate": [one for one in samples if one in aside]} if run.labels else {}
    )
    lineage.record(student, verify(run.workspace.models / student.name), used)
    return f"{student.name} from {len(trained)} samples"


class _Rows:
    """What is learnt, made when it is first asked for: a stage that was published needs none."""

    def __init__(self, run: Run, lineage: Lineage, tokenizer: PreTrainedTokenizerBase):
        self._run, self._lineage, self._tokenizer = run, lineage, tokenizer

    @cached_property
    def written(self) -> list[TrainingRow]:
        return training_rows(self._run, self._lineage.samples, self._tokenizer)

    @cached_property
    def texts(self) -> list[TextRow]:
        return text_rows(self._run, self._lineage.samples, self._tokenizer)


def student_tokenizer(run: Run) -> PreTrainedTokenizerBase:
    """Return the base's tokenizer with the student's chat template; an encoder has none."""
    tokenizer = AutoTokenizer.from_pretrained(run.base.folder)
    if run.reads_only:
        return tokenizer
    run.chat_format.set_template(tokenizer, show_tools=run.student.show_tools, own=run.workspace.prompts)
    return tokenizer


def training_rows(
    run: Run, samples: TrainingSet, tokenizer: PreTrainedTokenizerBase, *, with_teacher: bool = True
) -> list[TrainingRow]:
    """Return the rows of the accepted samples, in the plan's order; `with_teacher`: with what is known of the
    teacher, where `tokenizer` is the base's."""
    served = bool(run.loaded.recipe.teacher.endpoints)
    # Which tokenizer is behind a server is not known: each answer's tokens have to prove themselves.
    same = with_teacher and (
        served or run.teacher.facts().tokenizer_digest == run.base.facts().tokenizer_digest
    )
    teacher = AutoTokenizer.from_pretrained(run.teacher.folder) if same and not served else None
    sources = run.loaded.recipe.sources
    builder = RowBuilder(run.chat_format, tokenizer, teacher, same, run.base.facts().vocab_size)
    accepted = samples.conversations()
    keys = {origin.request_key for _, conversation in accepted for origin in conversation.origins}
    answers = samples.answers(sorted(keys - {""}))
    return [
        row
        for sample, conversation in accepted
        for row in _rows(builder, sources[sample["place"]], sample, conversation, answers)
    ]


def _rows(
    builder: RowBuilder,
    source: DataSource,
    sample: dict[str, Any],
    conversation: Conversation,
    answers: dict[str, dict[str, Any]],
) -> list[TrainingRow]:
    rows = builder.rows(source.kind, source.data, sample, conversation, answers)
    return [replace(row, weight=row.weight * source.weight) for row in rows]


def _require_same_teacher(run: Run, samples: TrainingSet) -> None:
    teacher = run.teacher
    made = Counter(
        (row["teacher"], row["teacher_revision"]) for row in samples.rows("t.teacher, t.teacher_revision")
    )
    del made[teacher.name, teacher.revision]
    # What people wrote has none.
    del made[None, None]
    if made:
        others = ", ".join(f"{count} of {name} at {revision}" for (name, revision), count in made.items())
        raise FactoryError(
            f"the teacher is {teacher.name} at {teacher.revision}, and the data holds samples of another one:"
            f" {others}",
            "Name the teacher that made the data, make the data again, or train with sft alone.",
        )


def _merge(
    run: Run, base: Path, adapter: Planned, student: Planned, tokenizer: PreTrainedTokenizerBase
) -> None:
    model = merged(
        base,
        run.student.adapter,
        run.workspace.models / adapter.name,
        tokenizer,
        marks=run.chat_format.written_marks,
    )
    with publish(run.workspace.models / student.name, student.about) as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
