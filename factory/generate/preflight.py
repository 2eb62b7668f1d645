"""What can be known of a recipe's tasks before the teacher is asked: whether each can be answered, carried
out and measured."""

from factory.context.plan import Plan
from factory.errors import InputError
from factory.recipe.checks import check_name
from factory.tasks.reference import call_faults, parse_steps
from factory.text.visible import escape_hidden, truncate
from factory.tools.registry import TOOL_NAMES


def require_tasks(plan: Plan, *, learns: bool) -> None:
    """Raise InputError if a task of the recipe cannot be used; `learns`: a student is trained on them."""
    assert plan.seeds and (plan.held_out or plan.run.loaded.recipe.evaluate is None)
    if plan.run.loaded.recipe.data.kind == "tool_call":
        _require_solvable(plan)
        if learns:
            _require_single_calls(plan)
    elif learns:
        _require_measurable(plan)


def _require_solvable(plan: Plan) -> None:
    data = plan.run.loaded.recipe.data
    assert data.kind == "tool_call"
    for tool in plan.tools:
        if tool.name not in TOOL_NAMES and data.own_tools is None:
            shipped = ", ".join(TOOL_NAMES)
            raise InputError(
                f"{data.tools}: the tool {tool.name} is not one that ships ({shipped})",
                "Write data.own_tools: {python: FILE} to have a function of your own carried out.",
            )
    # Loads the person's file: what is wrong with it is an error now.
    _ = plan.own_tools
    _require_measurable(plan)
    open_seeds = [seed for seed in plan.seeds if not seed.reference]
    if open_seeds and "agreement" not in map(check_name, plan.run.loaded.recipe.checks):
        first = open_seeds[0]
        raise InputError(
            f"{first.source}:{first.line}: {first.name} has no reference, and no check would tell a right "
            "call from a wrong one",
            "Write references, or add agreement to the checks: it compares draws, or a call's numbers with "
            "its question.",
        )
    tasks = [seed for seed in [*plan.seeds, *plan.held_out] if seed.reference]
    expressions = any(parse_steps(seed.reference) is None for seed in tasks)
    if expressions and not plan.tools[0].function.parameters.get("properties"):
        raise InputError(
            f"{data.tools}: the tool {plan.tools[0].name} takes no argument, so no expression can be one"
        )
    faults = [
        f"{seed.source}:{seed.line}: the reference {truncate(seed.reference, 200)!r} of {seed.name} "
        f"{truncate(escape_hidden(fault), 500)}"
        for seed in tasks
        for fault in call_faults(plan.calls.reference_steps(seed.reference), plan.tools)
    ]
    if faults:
        raise InputError(
            "\n".join(faults[:50]),
            f"Mend the references, remove the tasks, or add to {data.tools} what they call.",
        )
    faults = [
        f"{seed.source}:{seed.line}: the reference {seed.reference!r} of {seed.name} has no result"
        for seed in tasks
        if plan.calls.solve(seed.reference) is None
    ]
    if faults:
        raise InputError("\n".join(faults[:50]), "Mend the references, or remove the tasks.")


def _require_measurable(plan: Plan) -> None:
    if blind := [seed for seed in plan.held_out if not seed.reference]:
        raise InputError(
            "\n".join(
                f"{seed.source}:{seed.line}: the held-out task {seed.name} has no reference to be measured by"
                for seed in blind[:50]
            ),
            "Write their references, or remove the tasks.",
        )


def _require_single_calls(plan: Plan) -> None:
    if plan.calls.in_steps:
        raise InputError(
            f"{plan.run.loaded.path}: a student of calls in several steps is not trained here yet",
            "Remove student, and take the data out with: factory export",
        )
