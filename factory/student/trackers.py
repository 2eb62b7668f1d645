"""Trackers of experiments, trackio, wandb, mlflow and tensorboard, for those who watch there.

Promise: a tracker that is not installed is one sentence before a model loads. A run is called as the model
that it makes, by artifact id. Everything is written into `WORKSPACE/tracking` and nothing is sent, unless the
tracker's own environment variables say where to. Not promised: that a resumed training is one run there; the
store has it whole.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.context.run import Run
from factory.errors import FactoryError
from factory.recipe.student import Student
from factory.recipe.training import Tracker
from factory.system.extras import is_installed

# What Transformers imports for each; one of them is enough.
_PACKAGES: dict[Tracker, tuple[str, ...]] = {
    "trackio": ("trackio",),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "tensorboard": ("tensorboard", "tensorboardX"),
}
_TENSORBOARD = "TENSORBOARD_LOGGING_DIR"


def missing_trackers(student: Student) -> Iterator[FactoryError]:
    """Yield an error for each tracker of the recipe that is not installed here."""
    for name in dict.fromkeys(student.track):
        if not any(map(is_installed, _PACKAGES[name])):
            yield FactoryError(
                f"student.track: {name} needs the package {_PACKAGES[name][0]}, which is not installed here",
                f"pip install {_PACKAGES[name][0]}, or remove it from student.track.",
            )


def require_trackers(run: Run) -> None:
    """Raise FactoryError for the first tracker that is not installed."""
    for error in missing_trackers(run.student):
        raise FactoryError(f"{run.loaded.path}: {error.message}", error.hint)


def report_to_trackers(run: Run, trainer: Any, artifact_id: str) -> None:
    """Have a trainer tell the recipe's trackers of the training of one model."""
    names = list(dict.fromkeys(run.student.track))
    if not names:
        return
    from transformers.integrations import get_reporting_integration_callbacks

    # Where nobody has set them: the trackers read these when they are made.
    for variable, value in _usual(run.workspace.root.resolve() / "tracking", run.loaded.recipe.name).items():
        os.environ.setdefault(variable, value)
    if "tensorboard" in names:
        _name_folder(run.workspace.root.resolve() / "tracking" / "tensorboard", artifact_id)
    trainer.args.report_to, trainer.args.run_name = names, artifact_id
    trainer.args.project = run.loaded.recipe.name
    for callback in get_reporting_integration_callbacks(names):
        trainer.add_callback(callback)


def _usual(root: Path, project: str) -> dict[str, str]:
    """Return the variables with which every tracker stays on this machine."""
    root.mkdir(parents=True, exist_ok=True)  # not all of them make it
    return {
        "TRACKIO_DIR": str(root / "trackio"),
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(root),
        "WANDB_PROJECT": project,
        "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
        "MLFLOW_EXPERIMENT_NAME": project,
    }


def _name_folder(ours: Path, artifact_id: str) -> None:
    """Name the folder of TensorBoard's next run, whose name is its folder's: one process may train several
    models."""
    given = os.environ.get(_TENSORBOARD)
    if given is None or Path(given).parent == ours:
        os.environ[_TENSORBOARD] = str(ours / artifact_id)
