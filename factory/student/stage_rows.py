"""The rows of a stage of training: which of them it learns from, and why not from the others.

Promise: a row that cannot be learnt from is left out with a reason and a count; a stage with none left stops.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from factory.context.run import Run
from factory.context.training_set import spread
from factory.errors import FactoryError
from factory.seeds.split import VALIDATION, side
from factory.student.stage_plan import StagePlan
from factory.student.step_settings import stored_tokens
from factory.student.validation import set_aside
from factory.tasks.rows import IGNORED, TeacherSpan, TrainingRow
from factory.tasks.teacher_words import Fault
from factory.text.reasons import ReasonCode, sentence

# Why a sample that could be learnt from is not: it was set aside; the stage ends before it has seen as many;
# the stage learns others.
WATCHED: ReasonCode = "watched"
UNREAD: ReasonCode = "unread"
OTHER_STAGE: ReasonCode = "other_stage"


@dataclass(frozen=True)
class StageRows:
    """What a stage learns from and looks at, as places in `rows`, and by sample why it learns nothing of it;
    `plan` is the stage's, without a validation that nobody asked for and that there are no rows for."""

    plan: StagePlan
    rows: list[TrainingRow]
    learnt: list[int]
    watched: list[int]
    left_out: dict[str, ReasonCode]


def stage_rows(run: Run, plan: StagePlan, rows: Sequence[TrainingRow]) -> StageRows:
    """Return the rows of a stage, of all rows of the training set."""
    own = [by_tutor(row) if plan.has_tutor else row for row in rows if plan.learns(row)]
    if not own:
        raise FactoryError(
            f"{plan.name}: no accepted sample has what this stage learns",
            "Look at its sources and lessons, or make more data.",
        )
    usable, left_out = _usable(run, plan, own)
    if plan.by_default and not _seen(plan, usable):
        run.progress.say(f"  {plan.name}: none of its rows is set aside, so nothing is validated")
        plan = replace(plan, validation=None)
    usable, left_out = _within_reach(plan, usable, left_out)
    learnt, watched = aside(plan, usable)
    stay = {usable[place].sample_id for place in learnt}
    left_out |= {row.sample_id: WATCHED for row in usable if row.sample_id not in stay}
    mine = {row.sample_id for row in own}
    others = {row.sample_id: OTHER_STAGE for row in rows if row.sample_id not in mine}
    return StageRows(plan, usable, learnt, watched, left_out | others)


def aside(plan: StagePlan, rows: Sequence[TrainingRow]) -> tuple[list[int], list[int]]:
    """Return the places of the rows that are learnt and of those that are watched."""
    share = plan.validation.share if plan.validation else 0.0
    return set_aside(rows, share, plan.set_aside, distilled=plan.stage.distillation is not None)


def by_tutor(row: TrainingRow) -> TrainingRow:
    """Return a row as a tutor teaches it, who reads what the student reads: every learnt token."""
    spans, at = [], 0
    for learnt, group in itertools.groupby(row.labels, lambda label: label != IGNORED):
        start, at = max(at, 1), at + len(list(group))  # nothing predicts the first token
        if learnt and at > start:
            spans.append(TeacherSpan(start, at - start, row.input_ids[:at], [], [], ""))
    return replace(row, spans=tuple(spans))


def _seen(plan: StagePlan, rows: Sequence[TrainingRow]) -> bool:
    share = plan.validation.share if plan.validation else 0.0
    return any(
        side(row.seed, share) == VALIDATION and (row.spans or not plan.stage.distillation) for row in rows
    )


def _usable(
    run: Run, plan: StagePlan, rows: Sequence[TrainingRow]
) -> tuple[list[TrainingRow], dict[str, ReasonCode]]:
    """Return the rows that the stage can learn from, and the reasons by sample id of the others."""
    settings = plan.stage.distillation
    if settings is None:
        return list(rows), {}
    needed, is_read = stored_tokens(settings), settings.teacher != "stored"
    left_out: dict[str, ReasonCode] = {}
    taught = []
    for row in rows:
        faults = [_fault(span, needed, is_read) for span in row.spans]
        if row.spans and all(faults):
            left_out[row.sample_id] = faults[0] or "no_teacher"
        pairs = zip(row.spans, faults, strict=True)
        taught.append(replace(row, spans=tuple(span for span, fault in pairs if not fault)))
    # An answer alone, of which the teacher wrote nothing, is learnt as long as its rationale is.
    usable = [row for row in taught if row.sample_id not in left_out]
    reasons = ", ".join(
        f"{count} {reason} ({sentence(reason)})"
        for reason, count in sorted(Counter(left_out.values()).items())
    )
    samples = len({row.sample_id for row in rows})
    if left_out:
        run.progress.say(f"  {plan.name}: {len(left_out)} of {samples} samples are left out: {reasons}")
    if not any(row.spans for row in usable):
        why = f": {reasons}" if reasons else ": the teacher wrote nothing of them"
        raise FactoryError(
            f"{plan.name}: none of the {samples} samples can be learnt from{why}",
            "Stored logprobs need teacher.logprobs when the data is made, and a base with the teacher's "
            "tokenizer. Without them: train with sft alone, on the teacher's text.",
        )
    return usable, left_out


def _fault(span: TeacherSpan, needed: int, is_read: bool) -> Fault:
    """Return why a stage cannot learn from the teacher at a span, where it needs so many stored tokens of
    each position, `is_read`: and the teacher's side."""
    if not span.length or (needed and span.fault):
        return span.fault
    if min(map(len, span.topk_ids), default=needed) < needed:
        return "too_few_logprobs"
    return "no_teacher" if is_read and not span.teacher_ids else ""


def _within_reach(
    plan: StagePlan, rows: list[TrainingRow], left_out: dict[str, ReasonCode]
) -> tuple[list[TrainingRow], dict[str, ReasonCode]]:
    """Leave out what a stage with a cache ends before it has seen: the teacher reads no sample for
    nothing."""
    settings = plan.stage.distillation
    if settings is None or settings.teacher != "cache":
        return rows, left_out
    learnt, watched = aside(plan, rows)
    samples = list(dict.fromkeys(rows[place].sample_id for place in learnt))
    stay = {
        *spread(samples, settings.steps * settings.batch_size),
        *(rows[place].sample_id for place in watched),
    }
    unread = {sample: UNREAD for sample in samples if sample not in stay}
    return [row for row in rows if row.sample_id not in unread], left_out | unread
