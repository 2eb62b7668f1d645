"""What a served student passes on, from what a person asks for and what its calibration promises."""

from pathlib import Path

from factory.errors import InputError
from factory.models.calibration import read_calibration
from factory.serve.labels import Deferring, is_classifier


def deferring(folder: Path, *, wanted: bool, below: float | None, to: str, model: str) -> Deferring:
    """Return what the student in `folder` defers: nothing, unless it is `wanted`, at its own threshold, or
    `below` a probability is given. InputError where it cannot, or where `to` and `model` say nothing."""
    defers = wanted or below is not None
    if not defers and (to or model):
        raise InputError(
            "--defer-to and --defer-model are for texts that are passed on, and none is",
            "Add --defer, or --defer-below with a probability.",
        )
    if model and not to:
        raise InputError("--defer-model is a model of another server, and none is named", "Add --defer-to.")
    if to and not to.startswith(("http://", "https://")):
        raise InputError(f"--defer-to: {to} is no URL", "Write one such as http://127.0.0.1:8001/v1.")
    if defers and not is_classifier(folder):
        raise InputError(
            f"{folder.name} writes its answers, with no probability of a label to defer by",
            "Serve a student with a classification head: student.head in the recipe.",
        )
    if below is None and wanted:
        found = read_calibration(folder)
        if found is None or found.deferral.threshold is None:
            raise InputError(
                f"{folder.name}: on its set-aside texts no label was sure enough for the wished error",
                "Say from which probability on it answers: --defer-below 0.9, or wish for another "
                "student.calibration.defer_error.",
            )
        below = found.deferral.threshold
    return Deferring(below or 0.0, to, model)
