"""`factory search`: what can be had under a budget."""

import sys

import typer

from factory.cli.options import OtherRecipe, RecipePath, WorkspacePath


def search(recipe: RecipePath, workspace: WorkspacePath, other_recipe: OtherRecipe = False) -> None:
    """Try combinations of adapter, pruning and quantization that the recipe's search allows. Ends on the
    report with their frontier.

    Each trial is kept in the store with a recipe of its own below search/; the same command continues after a
    cut.
    """
    from factory.cli.run import load_plan, write_report
    from factory.pipeline.search import search as run_search
    from factory.system.process import interrupt_once

    interrupt_once()
    plan = load_plan(recipe, workspace, other_recipe=other_recipe)
    if not run_search(plan, " ".join(["factory", *sys.argv[1:]])):
        typer.echo("nothing to do: every trial that the recipe asks for is there", err=True)
    write_report(plan)
