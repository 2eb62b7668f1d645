"""`factory doctor`: check environment, store and models; `--fix` repairs without loss."""

import json
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory.errors import FactoryError, InputError
from factory.text.visible import escape_hidden

if TYPE_CHECKING:
    from factory.doctor import Finding
    from factory.workspace import Workspace

SIGNS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


class Format(StrEnum):
    """How the findings are written."""

    text = "text"
    json = "json"


def doctor(
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Also look at this workspace.", show_default=False),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Repair, after a copy, what can be repaired without loss: missing ledger entries, views, "
            "indexes, leftovers.",
        ),
    ] = False,
    format: Annotated[Format, typer.Option(help="How the findings are written.")] = Format.text,
) -> None:
    """Look at the environment, the store against its ledger, the models against their digests, leftovers and
    the disk. Every block, row and file is read. Exit code 1 if anything is wrong."""
    # Imported here, so that `factory --help` answers at once.
    from factory.doctor import examine, examine_environment
    from factory.workspace import Workspace

    if fix and workspace is None:
        raise InputError("--fix repairs a workspace: name it with -w", "factory doctor -w DIR --fix")
    findings = list(examine_environment())
    if workspace is not None:
        place = Workspace(workspace)
        findings += _repaired(place) if fix else examine(place)
    _show(findings, format)
    faults = sum(finding.state == "fault" for finding in findings)
    if faults:
        fixable = sum(finding.state == "fault" and finding.mend is not None for finding in findings)
        hint = (
            f"{fixable} of them can be repaired: factory doctor -w {workspace} --fix"
            if fixable
            else "Each finding above names what to do."
        )
        raise FactoryError(f"{faults} fault(s) found", hint)


def _repaired(place: "Workspace") -> list["Finding"]:
    from factory.doctor import examine, mend

    # Looked at first without the lock, which would make a folder of whatever was typed.
    if not any(finding.mend for finding in examine(place)):
        typer.echo("nothing to repair", err=True)
        return list(examine(place))
    with place.lock():
        mend(place, list(examine(place)), lambda text: typer.echo(escape_hidden(text), err=True))
    return list(examine(place))


def _show(findings: list["Finding"], format: Format) -> None:
    if format is Format.json:
        typer.echo(json.dumps([finding.row() for finding in findings], ensure_ascii=False, indent=1))
        return
    for finding in findings:
        typer.echo(f"{SIGNS[finding.state]} {escape_hidden(finding.what)}")
        todo = (
            f"{finding.todo} Repaired by --fix ({finding.mend.does})".strip()
            if finding.mend
            else finding.todo
        )
        if todo:
            typer.echo(
                textwrap.fill(
                    escape_hidden(todo),
                    120,
                    initial_indent="      → ",
                    subsequent_indent="        ",
                    break_long_words=False,
                )
            )
