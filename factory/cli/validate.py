"""`factory validate`: check a recipe, and the files that its data names. Reports every fault at once, with
its line; on success, a summary of what the recipe will do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from factory.chat_formats.auto import AUTO, choose
from factory.compress.kernels import missing_kernel
from factory.errors import InputError
from factory.models.bundled import BUNDLED, converted_folder
from factory.models.precision import has_bfloat16
from factory.recipe import LoadedRecipe, Recipe, load_recipe
from factory.recipe.checks import check_name
from factory.recipe.seeds import is_local
from factory.recipe.sources import DataSource
from factory.recipe.training import Training
from factory.student.trackers import missing_trackers
from factory.system.machine import has_gpu, machine
from factory.system.progress import Progress
from factory.workspace import Workspace


def validate(
    recipe: Annotated[Path, typer.Argument(help="The recipe to check.", show_default=False)],
) -> None:
    """Check a recipe and the files of its data, and report every fault at once."""
    # Imported here, so that `factory --help` answers at once.
    from factory.context.data_faults import require_whole_data
    from factory.context.plan import Plan
    from factory.context.run import Run

    loaded = load_recipe(recipe)
    for note in loaded.notes:
        typer.echo(note)
    # Templates of one's own lie in the workspace, which mostly is the recipe's folder.
    plan = Plan(Run(loaded, Workspace(recipe.parent), Progress()))
    require_whole_data(plan)
    typer.echo(f"{recipe}: ok")
    for each in plan.plans:
        source = each.source
        named = f" {source.name}" if source.name else ""
        typer.echo(f"  data{named}: {_data(loaded.recipe, source)}")
        for note in each.seed_notes if is_local(loaded, source) else ():
            typer.echo(f"  seeds{named}: {note}")
    typer.echo(f"  student: {_student(loaded.recipe)}")
    if (chosen := _chat_format(loaded)) is not None:
        typer.echo(f"  chat format: {chosen}")
    for note in _notes(loaded.recipe):
        typer.echo(f"  this machine: {note}")


def _notes(recipe: Recipe) -> Iterator[str]:
    """Yield what this machine does slowly or not at all of what the recipe asks for; nothing is loaded."""
    sets, gpu = machine()["instruction_sets"], has_gpu()
    local = recipe.student is not None or not recipe.teacher.endpoints
    if local and not has_bfloat16():
        yield "its processor has no bfloat16, so models run in float32, slower than on one that has"
    quantize = recipe.compress.quantize if recipe.compress else None
    if (why := missing_kernel(quantize, sets, gpu=gpu)) is not None:
        yield f"{quantize} cannot be served: {why}"
    for error in missing_trackers(recipe.student) if recipe.student else ():
        yield f"{error.message}; {error.hint[0].lower()}{error.hint[1:].rstrip('.')}"


def _data(recipe: Recipe, source: DataSource) -> str:
    data, teacher = source.data, recipe.teacher
    servers = f" (endpoints: {len(teacher.endpoints)})" if teacher.endpoints else ""
    checks = ", ".join(str(check_name(item)) for item in source.checks)
    if not source.is_asked:
        return f"{data.kind}, {data.count} samples as they were written; checked by {checks}"
    each = f", {data.samples_per_prompt} answers a question" if data.samples_per_prompt > 1 else ""
    return (
        f"{data.kind}, {data.count} samples from {teacher.model}{servers}{each}, "
        f"at most {source.limit}; checked by {checks}"
    )


def _chat_format(loaded: LoadedRecipe) -> str | None:
    """Return what `auto` chooses and why; nothing is downloaded for it."""
    student = loaded.recipe.student
    if student is None or student.format != AUTO:
        return None
    if student.base in BUNDLED:
        return choose(converted_folder(student.base)).why
    try:
        return choose(loaded.resolve(student.base)).why
    except InputError:
        return f"chosen when {student.base} is here"
    except ModuleNotFoundError:
        return f"chosen where models are trained: Transformers has to look at the template of {student.base}"


def _student(recipe: Recipe) -> str:
    if recipe.student is None:
        return "none, the data is the result"
    student = recipe.student
    trained: list[tuple[str, Training]] = [("tutor", student.tutor)] if student.tutor else []
    trained += [(stage.name, stage.settings) for stage in student.stages]
    steps = [f"{name} {settings.steps} steps{_epochs(recipe, settings)}" for name, settings in trained]
    if recipe.compress:
        steps += [f"{recipe.compress.vocabulary} tokens"] if recipe.compress.vocabulary else []
        steps += [f"{recipe.compress.sparsity.pattern} sparsity"] if recipe.compress.sparsity else []
        steps += [recipe.compress.quantize] if recipe.compress.quantize else []
    held_out = [source.held_out for source in recipe.sources if source.held_out]
    steps += [f"evaluated on {', '.join(held_out)}"] if held_out else []
    return f"{student.base}, {', '.join(steps)}"


def _epochs(recipe: Recipe, settings: Training) -> str:
    """Return how often each row will have been learnt, if as many samples are accepted as are asked for."""
    rows = 0
    for source in recipe.sources:
        if not settings.sources or source.name in settings.sources:
            lessons = source.kind.tasks or ("",)
            learnt = [one for one in lessons if not settings.lessons or one in settings.lessons]
            rows += source.data.count * len(learnt)
    return f" ({settings.epochs(rows):.2g} epochs)" if rows else ""
