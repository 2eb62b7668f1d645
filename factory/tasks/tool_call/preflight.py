"""Checks of tool calls before a model is loaded: tools that can be run, references that have a result, and,
where something has to be asked, schemas that have a grammar."""

from functools import cache

from factory.errors import InputError
from factory.inference.schema_grammar import examine
from factory.system.resources import resource
from factory.tasks.kind import Prepared
from factory.tasks.tool_call.reference import call_faults, parse_steps
from factory.tasks.tool_call.settings import ToolCallData
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.text.gathered import RowFault, gathered
from factory.text.visible import escape_hidden, truncate
from factory.tools.load import load_tools
from factory.tools.registry import TOOL_NAMES
from factory.tools.spec import ToolSpec

ToolCalls = Prepared[ToolCallData, ToolCallTaskset]


def require_shipped(prepared: ToolCalls) -> None:
    """Refuse a tool that nothing could carry out."""
    data = prepared.data
    for tool in prepared.taskset.tools:
        if tool.name not in TOOL_NAMES and data.custom_tools is None:
            shipped = ", ".join(TOOL_NAMES)
            raise InputError(
                f"{data.tools}: the tool {tool.name} is not one that ships ({shipped})",
                "Write data.custom_tools: {python: FILE} to have a function of your own carried out.",
            )


def require_solvable(prepared: ToolCalls) -> None:
    """Refuse references that a teacher could not write or that have no result, and seeds without one where no
    check would tell right from wrong."""
    taskset = prepared.taskset
    open_seeds = [seed for seed in prepared.seeds if not seed.reference]
    if open_seeds and "agreement" not in prepared.checks:
        raise InputError(
            f"{open_seeds[0].source}:{open_seeds[0].line}: {open_seeds[0].name} has no reference, "
            "and no check would tell a right call from a wrong one",
            "Write references, or add agreement to the checks: it compares draws, "
            "or a call's numbers with its question.",
        )
    tasks = [seed for seed in [*prepared.seeds, *prepared.held_out] if seed.reference]
    expressions = any(parse_steps(seed.reference) is None for seed in tasks)
    if expressions and not taskset.tools[0].function.parameters.get("properties"):
        raise InputError(
            f"{prepared.data.tools}: the tool {taskset.tools[0].name} takes no argument, "
            "so no expression can be one"
        )
    faults = [
        RowFault(
            seed.source,
            seed.line,
            f"the reference {truncate(seed.reference, 200)!r} of {seed.name} "
            f"{truncate(escape_hidden(fault), 500)}",
            fault,
        )
        for seed in tasks
        for fault in call_faults(taskset.reference_steps(seed.reference), taskset.tools)
    ]
    if faults:
        raise InputError(
            "\n".join(gathered(faults)),
            f"Correct the references, remove the tasks, or add to {prepared.data.tools} what they call.",
        )
    faults = [
        RowFault(
            seed.source,
            seed.line,
            f"the reference {truncate(seed.reference, 200)!r} of {seed.name} has no result",
            "no result",
        )
        for seed in tasks
        if taskset.solve(seed.reference) is None
    ]
    if faults:
        raise InputError("\n".join(gathered(faults)), "Correct the references, or remove the tasks.")


def require_grammars(prepared: ToolCalls) -> None:
    """Tell what of each tool's schema no grammar holds; refuse one that has no grammar at all, where the
    teacher is a model in the process."""
    own = [tool for tool in prepared.taskset.tools if tool not in _shipped()]
    if not own:  # it takes a process that imports torch
        return
    found = examine({tool.name: tool.function.parameters for tool in own})
    file = prepared.data.tools
    faults = [
        f"{file}: no grammar can be made for {name}: {kept.fault}"
        for name, kept in found.items()
        if kept.fault
    ]
    if faults and not prepared.served:
        raise InputError("\n".join(faults), "Write their parameters in simpler words of JSON Schema.")
    for fault in faults:
        prepared.say(f"note: {fault}; the servers have to enforce it")
    told = [
        f"{name} ({', '.join(f'{keyword} at {place}' for place, keyword in kept.left_out)})"
        for name, kept in found.items()
        if kept.left_out
    ]
    if told:
        prepared.say(
            f"note: {file}: no grammar holds all that these tools ask for, so a call is checked for it "
            f"afterwards: {'; '.join(told)}"
        )


@cache
def _shipped() -> list[ToolSpec]:
    return load_tools(resource("data", "tools", "tools.json"))
