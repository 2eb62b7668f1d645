"""`factory run` and a verb for each stage: from a recipe to a report, as far as it is not done yet.

The pipeline is imported when a verb runs: `factory --help` and `factory validate` should answer at once.
"""

import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory.cli.options import OtherRecipe, RecipePath, WorkspacePath
from factory.errors import InputError
from factory.pipeline.stages import STAGES

if TYPE_CHECKING:
    from factory.context.plan import Plan

NAMES = tuple(STAGES)
StageName = Enum("StageName", {name: name for name in NAMES})  # type: ignore[misc]
RUN_HELP = (
    f"Run every stage that is not finished: {', '.join(NAMES)}. Ctrl-C is safe; the same command continues."
)


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
    other_recipe: OtherRecipe = False,
) -> None:
    """Run the stages."""
    if dry_run and until:
        raise InputError(
            "--dry-run only tries the teacher, so there is no stage to stop after",
            "Leave out --until, or --dry-run.",
        )
    plan = load_plan(recipe, workspace, other_recipe=other_recipe)
    if dry_run:
        _look(plan)
        return
    last = NAMES.index(until.value) if until else len(NAMES) - 1
    _run(plan, NAMES[: last + 1])


def report(
    recipe: RecipePath,
    workspace: WorkspacePath,
    against: Annotated[
        str | None,
        typer.Option(
            help="Compare with another run: a workspace, a report.json, or the beginning of the id of an "
            "earlier run of this workspace.",
            show_default=False,
        ),
    ] = None,
    other_recipe: OtherRecipe = False,
) -> None:
    """Write the report, even if it is there."""
    from factory.report.compare import find_report

    plan = load_plan(recipe, workspace, other_recipe=other_recipe)
    if against is not None:
        # Before anything is read.
        find_report(against, plan.run.workspace.reports)
    write_report(plan, against)


def verbs() -> Iterator[tuple[str, str, Callable[..., None]]]:
    """Yield name, help and function of `run` and of each stage that has a verb."""
    yield "run", RUN_HELP, run
    own = {"report": report}
    for name, entry in STAGES.items():
        if entry.help:
            yield name, entry.help, own.get(name) or _verb(name)


def _verb(name: str) -> Callable[..., None]:
    def verb(recipe: RecipePath, workspace: WorkspacePath, other_recipe: OtherRecipe = False) -> None:
        _run(load_plan(recipe, workspace, other_recipe=other_recipe), (name,))

    return verb


def write_report(plan: "Plan", against: str | None = None) -> None:
    """Write the report and print its path."""
    from factory.context.stage import Step
    from factory.pipeline.loop import run_once
    from factory.system.process import interrupt_once

    interrupt_once()
    run_once(plan, Step("report", against or ""), _command())
    _show_report(plan)


def load_plan(recipe: Path, workspace: Path, *, other_recipe: bool = False) -> "Plan":
    """Return the plan of a recipe in a workspace, which with `other_recipe` may hold another one's work;
    renamed keys are reported."""
    from factory.context.plan import Plan
    from factory.context.run import Run
    from factory.recipe import load_recipe
    from factory.system.progress import Progress
    from factory.workspace import Workspace

    loaded, progress = load_recipe(recipe), Progress()
    for note in loaded.notes:
        progress.say(note)
    return Plan(Run(loaded, Workspace(workspace), progress, other_recipe))


def _look(plan: "Plan") -> None:
    from factory.pipeline.dry_run import look
    from factory.system.process import interrupt_once

    interrupt_once()
    typer.echo(look(plan, _command()))


def _run(plan: "Plan", stages: tuple[str, ...]) -> None:
    from factory.pipeline.loop import run as run_pipeline
    from factory.system.process import interrupt_once

    interrupt_once()
    if not run_pipeline(plan, stages, _command()):
        plan.run.progress.say("nothing to do: everything that the recipe asks for is there")
    if "report" in stages:
        _show_report(plan)


def _show_report(plan: "Plan") -> None:
    page = plan.run.workspace.reports / "report.html"
    if page.exists():
        typer.echo(page)


def _command() -> str:
    return " ".join(["factory", *sys.argv[1:]])
