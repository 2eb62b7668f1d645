"""A sample of calls after a person's change: parsed and carried out as the teacher's are."""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import replay
from factory.tasks.tool_call.reference import call_faults
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.text.strict_json import JsonFault, strict_json
from factory.tools.registry import TOOL_NAMES, RunTool, run_tool
from factory.tools.spec import ToolSpec


def remake(
    changed: dict[str, Any], changes: dict[str, str], task: Task, own: Path | None, run: RunTool | None
) -> Sample:
    """Return the sample of an edited row, its calls carried out; without `run` a person's own tools are
    not."""
    call = changed["call"] if "call" not in changes else _parsed("call", changes["call"])
    in_steps = isinstance(call, list)
    steps = call if in_steps else [[call]]
    if not all(isinstance(step, list) for step in steps):
        raise InputError("calls are one object, or a list of steps, each a list of calls")
    names = {str(one.get("name")) for one in itertools.chain.from_iterable(steps) if isinstance(one, dict)}
    tools = [ToolSpec.model_validate(tool) for tool in changed["tools"]]
    if run is None and (foreign := sorted(names & {tool.name for tool in tools} - set(TOOL_NAMES))):
        raise InputError(
            f"{foreign[0]} is a tool of your own, and its file was not found from here: "
            "name the recipe with --recipe, or reject the sample"
        )
    # A taskset knows from its seeds whether it works in steps.
    seed = Seed("", task.language, "", "", json.dumps(steps) if in_steps else "1", "", 0)
    taskset = ToolCallTaskset([seed], tools, examples=0, seed=0, run=run or run_tool, own=own)
    if "reference" in changes and task.reference:
        task = dataclasses.replace(task, reference=_checked(task.reference, taskset))
    if not in_steps:
        return replay(taskset.episode(task, 0), [json.dumps(call, ensure_ascii=False)])
    turns = [json.dumps(step, ensure_ascii=False) for step in steps]
    return replay(taskset.episode(task, 0), [*turns, "[]"] if steps else ["null", changed["answer"] or ""])


def _checked(reference: str, taskset: ToolCallTaskset) -> str:
    """Return a person's reference as a seed would have it; InputError for one that proves nothing."""
    if reference.startswith("["):
        steps = _parsed("reference", reference)
        if not all(isinstance(step, list) and all(map(_is_call, step)) for step in steps):
            raise InputError("a reference is an expression, or a list of steps, each a list of calls")
        reference = canonical_json(steps)
    elif not taskset.tools[0].function.parameters.get("properties"):
        raise InputError(f"the tool {taskset.tools[0].name} takes no argument, so no expression can be one")
    if faults := call_faults(taskset.reference_steps(reference), taskset.tools):
        raise InputError(f"the reference {faults[0]}")
    if taskset.solve(reference) is None:
        raise InputError(f"the reference {reference} has no result: the tool refuses it")
    return reference


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("arguments"), dict)
    )


def _parsed(name: str, text: str) -> Any:
    try:
        return strict_json(text)
    except JsonFault as error:
        raise InputError(f"the {name} is no JSON: {error}") from None
