"""Training: each stage of the recipe in turn on one adapter, or on all weights, the tutor where one first
learns from it, then the merge of the student that ships into a model of its own.

Promise: a stage whose adapter was published is not trained again. Adapter and merged model are written
atomically. Data that another teacher made than the recipe names is refused.
"""

from collections import Counter
from collections.abc import Callable
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
from factory.recipe.sources import DataSource
from factory.recipe.stages import labels
from factory.store.store import Store
from factory.student.exact import Exact, exact, held
from factory.student.gate import Trained, choose
from factory.student.labels.rows import TextRow, text_rows
from factory.student.labels.stage import merge_labels, train_label_stage
from factory.student.model import merged
from factory.student.stage_plan import StagePlan, stage_plans
from factory.student.stage_rows import WATCHED
from factory.student.stage_trainers import Setup
from factory.student.training_stage import kept_optimizer, train_stage
from factory.student.tutor import require_better, train_tutor
from factory.tasks.conversation import Conversation
from factory.tasks.rows import RowBuilder, TrainingRow
from factory.text.reasons import ReasonCode


def train(run: Run, store: Store) -> str:
    """Train and merge what is missing; return a line that sums it up."""
    lineage = Lineage(run, store)
    samples = lineage.samples.ids
    tokenizer = student_tokenizer(run)
    base = starting_point(run, lineage)
    rows = _Rows(run, lineage, base, tokenizer)
    made: list[Trained] = []
    left_out: list[dict[str, ReasonCode]] = []
    for place, (stage, adapter) in enumerate(lineage.adapters):
        before, name = made[-1] if made else None, labels(run.student.stages)[place]
        if not (run.workspace.models / adapter.name).exists():
            if run.student.has_tutor(stage):
                tutor = _tutor(run, store, lineage, rows)
                require_better(run, name, tutor, (before and before.exact) or rows.exact(before))
            elif stage.distillation:
                _require_same_teacher(run, lineage.samples)
            planned = before.adapter if before else None
            if run.labels:
                train_label_stage(run, rows.plans[place], base, adapter, planned, rows.texts, tokenizer)
            else:
                train_stage(run, rows.plans[place], base, adapter, planned, rows.written, tokenizer)
            run.progress.say(f"  {name}: {adapter.name} written")
        figure, without = _enter(run, store, lineage, adapter, name)
        made.append(Trained(name, adapter, figure))
        left_out.append(without)
    student = _shipped(run, store, lineage, made, lambda one: _merge(run, base, one, rows))
    stages = left_out[: 1 + [one.adapter.artifact_id for one in made].index(student.parents[0])]
    trained = [one for one in samples if any(one not in without for without in stages)]
    aside = {sample for without in stages for sample, why in without.items() if why == WATCHED}
    used = {"train": trained} | (
        {"calibrate": [one for one in samples if one in aside]} if run.labels else {}
    )
    lineage.record(student, verify(run.workspace.models / student.name), used)
    for one in made:
        kept_optimizer(run, one.adapter).unlink(missing_ok=True)
    return f"{student.name} from {len(trained)} samples"


def _tutor(run: Run, store: Store, lineage: Lineage, rows: "_Rows") -> Exact | None:
    """Train the tutor if it is not there; return what it writes exactly of what was set aside."""
    planned = lineage.tutor
    assert planned is not None
    if not (run.workspace.models / planned.name).exists():
        train_tutor(run, planned, rows.written, rows.tokenizer)
        run.progress.say(f"  tutor: {planned.name} written")
    return _enter(run, store, lineage, planned, "tutor")[0]


def _enter(
    run: Run, store: Store, lineage: Lineage, planned: Planned, name: str
) -> tuple[Exact | None, dict[str, ReasonCode]]:
    """Enter what was trained into the store; return what it writes exactly, and by sample why it has not
    learnt it."""
    artifact = verify(run.workspace.models / planned.name)
    log, left_out = artifact.about.pop("training_log"), artifact.about.pop("left_out", {})
    if not store.query("SELECT 1 FROM training_log WHERE artifact_id = ?", [planned.artifact_id]):
        store.commit(
            training_log=[entry | {"artifact_id": planned.artifact_id, "stage": name} for entry in log]
        )
    watched = [sample for sample, reason in left_out.items() if reason == WATCHED]
    learnt = [one for one in lineage.samples.ids if one not in left_out]
    lineage.record(planned, artifact, {"train": learnt, "validation": watched})
    return Exact.of(log), left_out


def _shipped(
    run: Run, store: Store, lineage: Lineage, made: list[Trained], merge: Callable[[Planned], None]
) -> Planned:
    """Merge the student that ships, if none is merged yet, and return it as it is: with what it was made
    from."""
    student, place = lineage.student, run.student.last_fine_tuned
    folder = run.workspace.models / student.name
    if not folder.exists():
        choice = None if place is None else choose(made[-1], made[place])
        shipped = choice.shipped if choice else made[-1]
        run.progress.say("  merge: what was trained into the base")
        said = {"gate": choice.about} if choice else {}
        adapter = shipped.adapter.artifact_id
        merge(replace(student, parents=[adapter], about=student.about | {"adapter": adapter} | said))
    about = verify(folder).about
    chosen = replace(student, parents=[about["adapter"]], about=about)
    if "gate" in about and place is not None and (choice := choose(made[-1], made[place])):
        known = store.query("SELECT 1 FROM gates WHERE artifact_id = ?", [choice.row["artifact_id"]])
        if not known:
            store.commit(gates=[choice.row])
        run.progress.say(f"  gate: {choice}")
    return chosen


class _Rows:
    """What is learnt, made when it is first asked for: a stage that was published needs none."""

    def __init__(self, run: Run, lineage: Lineage, base: Path, tokenizer: PreTrainedTokenizerBase):
        self._run, self._lineage, self._base, self.tokenizer = run, lineage, base, tokenizer

    @cached_property
    def written(self) -> list[TrainingRow]:
        return training_rows(self._run, self._lineage.samples, self.tokenizer)

    @cached_property
    def texts(self) -> list[TextRow]:
        return text_rows(self._run, self._lineage.samples, self.tokenizer)

    @cached_property
    def plans(self) -> list[StagePlan]:
        """The plan of each stage, made known once."""
        run, rows = self._run, self.texts if self._run.labels else self.written
        plans = stage_plans(run, rows, self._lineage.tutor)
        if run.student.watches_by_default and not any(plan.validation for plan in plans):
            seeds = len({row.seed for row in rows})
            run.progress.say(f"  samples of {seeds} seeds are too few to set some aside: none is validated")
        return plans

    def folder(self, artifact_id: str) -> Path:
        """Return the folder of a stage's adapter."""
        (name,) = [one.name for _, one in self._lineage.adapters if one.artifact_id == artifact_id]
        return self._run.workspace.models / name

    def exact(self, before: Trained | None) -> Exact | None:
        """Return what the student writes exactly that a stage left, or the base, where no log says it."""
        adapter = before.adapter if before else None
        own, plan = self._run.student.adapter, self.plans[0]
        setup = Setup(self._run, plan, self._base, own, adapter, [], self.tokenizer, "")
        return exact(setup.student(), held(self.written, plan.set_aside), setup.pad)


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
    return [replace(row, weight=row.weight * source.weight, source=source.name) for row in rows]


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


def _merge(run: Run, base: Path, planned: Planned, rows: _Rows) -> None:
    """Publish the student of the adapter that `planned` names as its parent."""
    adapter = rows.folder(planned.parents[0])
    if run.labels:
        merge_labels(run, base, adapter, planned, rows.texts, rows.tokenizer, rows.plans[0].set_aside)
        return
    marks = run.chat_format.written_marks
    model = merged(base, run.student.adapter, adapter, rows.tokenizer, marks=marks)
    with publish(run.workspace.models / planned.name, planned.about) as staging:
        model.save_pretrained(staging)
        rows.tokenizer.save_pretrained(staging)
