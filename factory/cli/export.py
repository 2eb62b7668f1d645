"""`factory export`: the accepted samples as a dataset, or the held-out tasks for another evaluator."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from factory.cli.options import WorkspacePath


class Format(StrEnum):
    """The form of a dataset, whose evaluator reads the tasks, or a student."""

    jsonl = "jsonl"
    parquet = "parquet"
    hf = "hf"
    lm_eval = "lm-eval"
    inspect = "inspect"
    model = "model"


class Shape(StrEnum):
    """The columns to learn from, as TRL names its types of dataset."""

    messages = "messages"
    prompt_completion = "prompt-completion"
    preference = "preference"


def export(
    workspace: WorkspacePath,
    format: Annotated[
        Format,
        typer.Option(
            help="jsonl and parquet: a file for each split. hf: a folder for datasets.load_from_disk. "
            "lm-eval and inspect: no samples, but the held-out tasks, a folder for that evaluator. model: a "
            "student's folder.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The folder to make; or one file, if it ends in .jsonl or .parquet.",
            show_default=False,
        ),
    ],
    validation: Annotated[
        float, typer.Option(help="Share of the seeds whose samples go to a validation split.")
    ] = 0.0,
    shape: Annotated[
        Shape,
        typer.Option(
            help="messages: the full conversation. prompt-completion: cut before the assistant's first turn. "
            "preference: accepted beside rejected answers to the same task, for DPO; jsonl alone."
        ),
    ] = Shape.messages,
    licence: Annotated[
        str, typer.Option(help="SPDX identifier for the card, such as CC-BY-4.0.")
    ] = "unknown",
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="With lm-eval and inspect: the latest run's recipe, if it is not where it was.",
            show_default=False,
        ),
    ] = None,
    artifact: Annotated[
        str | None,
        typer.Option(
            help="With model: the student's name; the last one that its recipe lets ship if none is given.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write the accepted samples as a dataset that TRL trains on, with a card; the held-out tasks, for
    lm-evaluation-harness or Inspect; or a student with its model card.

    A row holds the conversation, the tools that were offered, and where it comes from: seed, teacher,
    request, verdicts. A rationale is two rows, the label alone and the reasoning, with the weight of each.
    Splits are drawn by seed, never by row. A folder gets a README.md with counts, yields and the recipe; a
    single file does not.
    """
    # Imported here, so that `factory --help` answers at once.
    from factory.errors import InputError
    from factory.export.export import Order
    from factory.export.export import export as write
    from factory.system.progress import Progress
    from factory.workspace import Workspace

    of_dataset = validation or shape != Shape.messages or licence != "unknown"
    if of_dataset and format in (Format.lm_eval, Format.inspect, Format.model):
        raise InputError("--validation, --shape and --licence are for datasets, and this is none")
    if artifact is not None and format is not Format.model:
        raise InputError("--artifact is for --format model")
    if format is Format.model:
        if recipe is not None:
            raise InputError("--recipe is for --format lm-eval and inspect")
        from factory.export.parcel import model_parcel, write_parcel

        parcel = model_parcel(Workspace(workspace), artifact)
        write_parcel(parcel, output, force=force)
        typer.echo(os.fsencode(output))
        typer.echo(f"{parcel.name}: {len(parcel.files)} files", err=True)
        return
    if format in (Format.lm_eval, Format.inspect):
        from factory.export.task_folder import write_tasks

        tasks = write_tasks(Workspace(workspace), format.value, output, recipe, Progress(), force=force)
        typer.echo(os.fsencode(output))
        for source in tasks:
            typer.echo(f"{source.name}: {len(source.tasks)} held-out tasks", err=True)
        return
    if recipe is not None:
        raise InputError("--recipe is for --format lm-eval and inspect; a dataset needs none")
    if shape is Shape.preference:
        if format is not Format.jsonl:
            raise InputError("--shape preference is written as --format jsonl alone")
        from factory.export.preferences import write_preferences

        Order(output, "jsonl", validation, licence=licence).require_valid()
        pairs = write_preferences(Workspace(workspace), output, validation, licence, force=force)
        for path in pairs.paths:
            typer.echo(os.fsencode(path))
        for split, count in sorted(pairs.splits.items()):
            typer.echo(f"{split}: {count} pairs", err=True)
        return
    form: Any = format.value
    columns: Any = shape.value
    order = Order(output, form, validation, columns, licence, force)
    done = write(Workspace(workspace), order, Progress())
    for path in done.paths:
        # As bytes: a name need not be text that the terminal's encoding has.
        typer.echo(os.fsencode(path))
    for split, seeds in sorted(done.tally.seeds.items()):
        typer.echo(f"{split}: {done.tally.split(split)} rows from {len(seeds)} seeds", err=True)
    if validation and len(done.tally.seeds) < 2:
        typer.echo(
            "no seed fell to validation: there is only train; raise --validation, or add seeds", err=True
        )
    if done.tally.without_conversation:
        typer.echo(
            f"left out: {done.tally.without_conversation} accepted samples "
            "without a conversation to learn from",
            err=True,
        )
    if done.as_text:
        typer.echo(
            f"{done.as_text} calls keep their arguments as JSON text: "
            "datasets would misread a number in them",
            err=True,
        )
