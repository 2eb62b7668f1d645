"""Checks of labels before a model is loaded: each is one of the recipe's, and something can prove each
answer."""

from factory.errors import InputError
from factory.tasks.kind import Prepared
from factory.tasks.label.settings import LabelData
from factory.tasks.label.taskset import LabelTaskset
from factory.text.gathered import RowFault, gathered
from factory.text.visible import escape_hidden, truncate

Labels = Prepared[LabelData, LabelTaskset]


def require_known(prepared: Labels) -> None:
    """Refuse seeds and held-out tasks with a label that the recipe does not name."""
    known = prepared.data.labels
    strange = [
        RowFault(
            seed.source,
            seed.line,
            f"the label {escape_hidden(truncate(seed.reference, 100))!r} of {seed.name} "
            "is not one of the recipe's",
            seed.reference,
        )
        for seed in [*prepared.seeds, *prepared.held_out]
        if seed.reference and seed.reference not in known
    ]
    if strange:
        raise InputError(
            "\n".join(gathered(strange)),
            f"Correct them, or add them to data.labels of {prepared.recipe}, which are {', '.join(known)}.",
        )


def require_proof(prepared: Labels) -> None:
    """Refuse texts without a label where nothing would tell a right answer from a wrong one."""
    blank = next((seed for seed in prepared.seeds if not seed.reference), None)
    if "agreement" not in prepared.checks:
        raise InputError(
            f"{prepared.recipe}: no check would tell a right label from a wrong one",
            "Add agreement to the checks: it compares with the seed's label, or the draws with each other.",
        )
    if blank is not None and prepared.data.samples_per_prompt < 2:
        raise InputError(
            f"{blank.source}:{blank.line}: {blank.name} has no label, and one answer is no vote",
            "Write labels, or have each text answered several times: data.samples_per_prompt: 3.",
        )
