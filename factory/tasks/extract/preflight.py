"""Checks of fields before a model is loaded: those of seeds and held-out tasks fit the schema, the schema has
a grammar, and something can prove each answer."""

import json

from factory.errors import InputError
from factory.inference.schema_grammar import examine
from factory.tasks.extract.settings import ExtractData
from factory.tasks.extract.taskset import ExtractTaskset
from factory.tasks.kind import Prepared
from factory.text.gathered import RowFault, gathered
from factory.text.visible import escape_hidden, truncate

Fields = Prepared[ExtractData, ExtractTaskset]


def require_fitting(prepared: Fields) -> None:
    """Refuse fields of seeds and held-out tasks that the schema refuses."""
    form = prepared.taskset.form
    faults = [
        RowFault(
            seed.source,
            seed.line,
            f"the fields of {seed.name}: {truncate(escape_hidden(fault), 300)}",
            fault,
        )
        for seed in [*prepared.seeds, *prepared.held_out]
        if seed.reference
        for fault in form.faults(json.loads(seed.reference))
    ]
    if faults:
        raise InputError("\n".join(gathered(faults)), f"Correct them, or the schema: {prepared.data.schema}.")


def require_proof(prepared: Fields) -> None:
    """Refuse texts without fields where nothing would tell a right answer from a wrong one."""
    if "agreement" not in prepared.checks:
        raise InputError(
            f"{prepared.recipe}: no check would tell right fields from wrong ones",
            "Add agreement to the checks: it compares with the seed's fields, or the draws with each other.",
        )
    blank = next((seed for seed in prepared.seeds if not seed.reference), None)
    if blank is not None and prepared.data.samples_per_prompt < 2:
        raise InputError(
            f"{blank.source}:{blank.line}: {blank.name} has no fields, and one answer is no vote",
            "Write fields, or have each text answered several times: data.samples_per_prompt: 3.",
        )


def require_grammar(prepared: Fields) -> None:
    """Tell what of the schema no grammar holds; refuse one that has no grammar at all, where the teacher is a
    model in the process."""
    file = prepared.data.schema
    kept = examine({"fields": prepared.taskset.form.schema}).get("fields")
    if kept is None:
        return
    fault = f"{file}: no grammar can be made for it: {kept.fault}"
    if kept.fault and not prepared.served:
        raise InputError(fault, "Write it in simpler words of JSON Schema.")
    if kept.fault:
        prepared.say(f"note: {fault}; the servers have to enforce it")
    if kept.left_out:
        told = ", ".join(f"{keyword} at {place}" for place, keyword in kept.left_out)
        prepared.say(f"note: {file}: no grammar holds {told}, so an answer is checked for it afterwards")
