"""The stages in their order. The command line needs their names before anything heavy is imported, so a stage
is loaded from its room when it is asked for."""

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from factory.context.stage import Stage


class Entry(NamedTuple):
    """Where a stage is found, and what `factory --help` says of it; without help it has no verb of its
    own."""

    module: str
    stage: str
    help: str = ""


STAGES = {
    "generate": Entry(
        "factory.generate.stage", "GenerateStage", "Ask the teacher for what the recipe still owes."
    ),
    "check": Entry(
        "factory.generate.check",
        "CheckStage",
        "Judge the stored samples by the recipe's checks; the teacher is not needed.",
    ),
    "distill": Entry("factory.student.stage", "TrainStage", "Train the student on the accepted samples."),
    "compress": Entry("factory.compress.stage", "CompressStage", "Make the trained student smaller."),
    "evaluate": Entry(
        "factory.evaluate.stage",
        "EvaluateStage",
        "Measure teacher, base, student and compressed student on the held-out tasks.",
    ),
    "recover": Entry("factory.evaluate.recover_stage", "RecoverStage"),
    "report": Entry(
        "factory.report.stage", "ReportStage", "Write reports/report.html and reports/report.json."
    ),
}


def load_stage(name: str) -> "Stage":
    """Return the stage of that name."""
    entry = STAGES[name]
    stage: Stage = getattr(importlib.import_module(entry.module), entry.stage)()
    return stage
