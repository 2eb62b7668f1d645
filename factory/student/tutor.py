"""The tutor: a model with the student's tokenizer learns the student's own rows, and teaches then.

Promise: an interrupted training resumes from its last checkpoint; a tutor that was made is not trained again.
It teaches a stage only if it writes clearly more of the set-aside rows exactly than the student before that
stage does; where it does not, its training is spent, and it stays.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from factory.context.lineage import Planned
from factory.context.run import Run
from factory.errors import FactoryError
from factory.student.exact import Exact, exact, held
from factory.student.stage_plan import tutor_plan
from factory.student.stage_rows import stage_rows
from factory.student.stage_trainers import Setup, make_trainer
from factory.student.training_stage import to_the_end
from factory.tasks.rows import TrainingRow


def train_tutor(
    run: Run, planned: Planned, rows: Sequence[TrainingRow], tokenizer: PreTrainedTokenizerBase
) -> None:
    """Train the tutor on the training set's rows and publish it, a model of its own."""
    tutor = run.student.tutor
    assert tutor is not None
    found = stage_rows(run, tutor_plan(run, tutor, rows), rows)
    plan, base = found.plan, run.tutor_base.folder
    checkpoints = str(run.workspace.checkpoints / planned.name)
    setup = Setup(run, plan, base, tutor.adapter, None, found.rows, tokenizer, checkpoints)
    seen = held(rows, plan.set_aside)

    def write(model: Any, staging: Path) -> None:
        model.merge_and_unload().to(torch.bfloat16).save_pretrained(staging)
        tokenizer.save_pretrained(staging)

    to_the_end(
        run,
        plan,
        planned,
        None,
        make_trainer(setup),
        found.left_out,
        measured=lambda model: exact(model, seen, setup.pad),
        write=write,
    )


def require_better(run: Run, stage: str, tutor: Exact | None, student: Exact | None) -> None:
    """Raise FactoryError if the tutor is not clearly better than the student before a stage."""
    settings = run.student.tutor
    assert settings is not None
    if tutor is None or student is None:
        raise FactoryError(
            f"{stage}: nothing was set aside, so nothing tells whether the tutor is better than the student",
            "Write validation: {share: 0.2} in a stage, or bring more seeds.",
        )
    gain = round(100 * (tutor.share - student.share), 1)
    told = f"of the set-aside rows the tutor writes {tutor} exactly, the student before {stage} {student}"
    if gain < settings.least_gain:
        raise FactoryError(
            f"{told}: {gain:+.1f} points, and student.tutor.least_gain asks for {settings.least_gain:g}",
            "The tutor stays, and is not trained again. Leave the stages out that learn from it; or make it "
            "better, by steps, data or a larger base; or lower least_gain to learn from it nevertheless.",
        )
    run.progress.say(f"  {told}: {gain:+.1f} points")
