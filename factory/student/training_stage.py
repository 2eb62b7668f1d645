"""One stage of training: the rows that can be learnt from, the trainer that fits, the adapter at its end.

Promise: after a kill training resumes from the last complete checkpoint. The adapter is written atomically,
with its log and with what was left out. Under one schedule the stage goes on with the optimizer of the stage
before, whose state lies beside the checkpoints until the student is merged; where it is missing, it begins
afresh, and says so.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback, PreTrainedTokenizerBase

from factory.context.lineage import Planned
from factory.context.run import Run
from factory.models.artifact import publish
from factory.student import optimizer_state
from factory.student.checkpoints import PARTS, Live, WholeCheckpoints, last_whole
from factory.student.exact import Exact, exact, held
from factory.student.stage_plan import StagePlan
from factory.student.stage_rows import stage_rows
from factory.student.stage_trainers import Setup, make_trainer
from factory.student.trackers import report_to_trackers
from factory.student.validation import METRICS
from factory.tasks.rows import TrainingRow
from factory.text.reasons import ReasonCode

_LOGGED = (
    "loss",
    *PARTS,
    "learning_rate",
    "grad_norm",
    "tokens_per_s",
    *(f"eval_{name}" for name in METRICS),
)


def train_stage(
    run: Run,
    plan: StagePlan,
    base: Path,
    adapter: Planned,
    before: Planned | None,
    rows: Sequence[TrainingRow],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Train the stage to its end and publish its adapter, which belongs to the model `base` and continues
    from `before`; `rows` are all of the training set."""
    found = stage_rows(run, plan, rows)
    checkpoints = str(run.workspace.checkpoints / adapter.name)
    setup = Setup(run, found.plan, base, run.student.adapter, before, found.rows, tokenizer, checkpoints)
    trainer, seen = make_trainer(setup), held(rows, plan.set_aside)
    count = len(found.learnt)
    run.progress.say(f"  {plan.name}: {plan.settings.epochs(count):.2g} epochs of {count} rows")
    to_the_end(
        run,
        found.plan,
        adapter,
        before,
        trainer,
        found.left_out,
        measured=lambda model: exact(model, seen, setup.pad),
    )


def to_the_end(
    run: Run,
    plan: StagePlan,
    planned: Planned,
    before: Planned | None,
    trainer: Any,
    left_out: dict[str, ReasonCode],
    *,
    measured: Callable[[Any], Exact | None],
    write: Callable[[Any, Path], None] = lambda model, staging: model.save_pretrained(staging),
) -> None:
    """Train, from the last whole checkpoint where there is one, and publish what `write` makes of the trained
    model, with what is `measured` of it on the rows that no stage learns."""
    checkpoints, validation = run.workspace.checkpoints / planned.name, plan.validation
    resumed = last_whole(checkpoints)
    trainer.rate = plan.rate
    trainer.add_callback(WholeCheckpoints())
    if validation is not None and validation.patience is not None:
        trainer.add_callback(EarlyStoppingCallback(validation.patience))
    trainer.add_callback(Live(run.progress, plan.name, plan.settings.steps))
    report_to_trackers(run, trainer, planned.artifact_id)
    if plan.goes_on and before is not None and resumed is None:
        trainer.kept = optimizer_state.read(kept_optimizer(run, before))
        if not trainer.optimizer_goes_on():
            run.progress.say(f"  {plan.name}: the optimizer of {before.name} is not here: it begins afresh")
    trainer.run(resumed)
    step = trainer.state.global_step
    if validation is not None:
        step = trainer.state.best_global_step
        run.progress.say(f"  {plan.name}: the student after step {step} did best and is kept")
    if plan.leaves:
        optimizer = trainer.optimizer or trainer.create_optimizer()
        optimizer_state.keep(
            trainer.model, optimizer, checkpoints / f"checkpoint-{step}", kept_optimizer(run, planned)
        )
    log = trainer.logged(_LOGGED)
    if (found := measured(trainer.model)) is not None:
        run.progress.say(f"  {plan.name}: {found} set-aside rows are written exactly")
        log += found.entries(step)
    with publish(
        run.workspace.models / planned.name, planned.about | {"training_log": log, "left_out": left_out}
    ) as staging:
        write(trainer.finished(), staging)
    shutil.rmtree(checkpoints, ignore_errors=True)


def kept_optimizer(run: Run, adapter: Planned) -> Path:
    """Return the file in which a stage leaves its optimizer's state to the next."""
    return run.workspace.checkpoints / f"{adapter.name}.optimizer"
