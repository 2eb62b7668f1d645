"""`factory run` and the single stages: from a recipe to a report, as far as it is not done yet.

The pipeline is imported when a verb runs: `factory --help` and `factory validate` should answer at once.
"""

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory.cli.options import RecipePath, WorkspacePath
from factory.errors import InputError
from factory.pipeline.stages import STAGES

if TYPE_CHECKING:
    from factory.context.context import Context

StageName = Enum("StageName", {name: name for name in STAGES})  # type: ignore[misc]


def run(
    recipe: RecipePath,
    workspace: WorkspacePath,
    until: Annotated[
        StageName | None, typer.Option(help="Stop after this stage.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show three prompts, try a few tasks, estimate tokens, time and yield, and stop.",
        ),
    ] = False,
) -> None:
    """Run every stage that is not finished: generate, check, distill, compress, evaluate, recover, report.
    Ctrl-C is safe; the same command goes on."""
    if dry_run and until:
        raise InputError(
            "--dry-run only tries the teacher, so there is no stage to stop after",
            "Leave out --until, or --dry-run.",
        )
    if dry_run:
        _look(recipe, workspace)
        return
    last = STAGES.index(until.value) if until else len(STAGES) - 1
    _run(recipe, workspace, STAGES[: last + 1])


def generate(recipe: RecipePath, workspace: WorkspacePath) -> None:
    """Ask the teacher for what the recipe still owes."""
    _run(recipe, workspace, ("generate",))


def check(recipe: RecipePath, workspace: WorkspacePath) -> None:
    """Judge the stored samples by the recipe's checks; the teacher is not needed."""
    _run(recipe, workspace, ("check",))


def distill(recipe: RecipePath, workspace: WorkspacePath) -> None:
    """Train the student on the accepted samples."""
    _run(recipe, workspace, ("distill",))


def compress(recipe: RecipePath, workspace: WorkspacePath) -> None:
    """Make the trained student smaller."""
    _run(recipe, workspace, ("compress",))


def evaluate(recipe: RecipePath, workspace: WorkspacePath) -> None:
    """Measure teacher, base, student and compressed student on the held-out tasks."""
    _run(recipe, workspace, ("evaluate",))


def report(
    recipe: RecipePath,
    workspace: WorkspacePath,
    against: Annotated[
        str | None,
        typer.Option(
            help="Compare with another run: a workspace, a report.json, or the beginning of the id of an earlier run of this workspace.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write reports/report.html and reports/report.json."""
    from factory.report.compare import find_report

    context = load_context(recipe, workspace)
    if against is not None:
        # Before anything is read.
        find_report(against, context.workspace.reports)
    write_report(context, against)


def write_report(context: "Context", against: str | None = None) -> None:
    """Write the report anew and print its path."""
    _run_stages(context, ("report",), against, anew=True)


def _look(recipe: Path, workspace: Path) -> None:
    from factory.pipeline.loop import look
    from factory.system.process import interrupt_once

    interrupt_once()
    typer.echo(look(load_context(recipe, workspace), " ".join(["factory", *sys.argv[1:]])))


def _run(recipe: Path, workspace: Path, stages: tuple[str, ...]) -> None:
    _run_stages(load_context(recipe, workspace), stages)


def _run_stages(
    context: "Context", stages: tuple[str, ...], against: str | None = None, *, anew: bool = False
) -> None:
    from factory.pipeline.loop import run as run_pipeline
    from factory.system.process import interrupt_once

    interrupt_once()
    if not run_pipeline(context, stages, " ".join(["factory", *sys.argv[1:]]), against, anew=anew):
        context.progress.say("nothing to do: everything that the recipe asks for is there")
    page = context.workspace.reports / "report.html"
    if "report" in stages and page.exists():
        typer.echo(page)


def load_context(recipe: Path, workspace: Path) -> "Context":
    """Return the context of a recipe in a workspace; keys that have another name now are noted."""
    from factory.context.context import Context
    from factory.recipe import load_recipe
    from factory.system.progress import Progress
    from factory.workspace import Workspace

    loaded, progress = load_recipe(recipe), Progress()
    for note in loaded.notes:
        progress.say(note)
    return Context(loaded, Workspace(workspace), progress)
