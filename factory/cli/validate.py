"""`factory validate`: is this recipe right? Every fault at once, with its line; on success, what the recipe
will do, in two lines."""

from pathlib import Path
from typing import Annotated

import typer

from factory.recipe import Recipe, load_recipe
from factory.recipe.checks import check_name


def validate(
    recipe: Annotated[Path, typer.Argument(help="The recipe to check.", show_default=False)],
) -> None:
    """Check a recipe and tell every fault at once."""
    loaded = load_recipe(recipe)
    for note in loaded.notes:
        typer.echo(note)
    typer.echo(f"{recipe}: ok")
    typer.echo(f"  data: {_data(loaded.recipe)}")
    typer.echo(f"  student: {_student(loaded.recipe)}")


def _data(recipe: Recipe) -> str:
    data, teacher = recipe.data, recipe.teacher
    servers = f" (endpoints: {len(teacher.endpoints)})" if teacher.endpoints else ""
    checks = ", ".join(str(check_name(item)) for item in recipe.checks)
    each = f", {data.samples_per_prompt} answers a question" if data.samples_per_prompt > 1 else ""
    return f"{data.kind}, {data.count} samples from {teacher.model}{servers}{each}; checked by {checks}"


def _student(recipe: Recipe) -> str:
    if recipe.student is None:
        return "none, the data is the result"
    steps = [f"{stage.name} {stage.settings.steps} steps" for stage in recipe.student.stages]
    if recipe.compress:
        steps += [f"{recipe.compress.vocabulary} tokens"] if recipe.compress.vocabulary else []
        steps += [f"{recipe.compress.sparsity.pattern} sparsity"] if recipe.compress.sparsity else []
        steps += [recipe.compress.quantize] if recipe.compress.quantize else []
    steps += [f"evaluated on {recipe.evaluate.held_out}"] if recipe.evaluate else []
    return f"{recipe.student.base}, {', '.join(steps)}"
