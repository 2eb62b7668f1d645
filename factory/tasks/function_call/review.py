"""A sample of function calls after a person's change: parsed as the teacher's are."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.seeds.offered import allowed_calls, fitting_calls, offered_tools, tools_text
from factory.tasks.function_call.matching import are_right
from factory.tasks.function_call.taskset import FunctionCallTaskset
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import replay
from factory.text.strict_json import JsonFault, strict_json
from factory.tools.spec import ToolSpec


def remake(changed: dict[str, Any], changes: dict[str, str], task: Task, own: Path | None) -> Sample:
    """Return the sample of an edited row, to be compared with its reference."""
    steps = changed["call"] if "call" not in changes else _parsed("call", changes["call"])
    if not isinstance(steps, list) or len(steps) > 1 or not all(isinstance(step, list) for step in steps):
        raise InputError("calls are [[call, call]], or [] where no tool fits")
    tools = offered_tools(changed["tools"])
    if "reference" in changes and task.reference:
        task = dataclasses.replace(task, reference=_checked(task.reference, tools))
    task = dataclasses.replace(task, tools=tools_text(tools))
    calls = json.dumps([call for step in steps for call in step], ensure_ascii=False)
    texts = [calls] if steps and steps[0] else [calls, changed["answer"] or ""]
    # Without its reference: what a person writes is read to its end, be it right or not.
    episode = FunctionCallTaskset([], examples=0, seed=0, own=own).episode(
        dataclasses.replace(task, reference=""), 0
    )
    sample = replay(episode, texts)
    made = dataclasses.replace(sample, task=task, expected=task.reference or None)
    if sample.fault or not task.reference:
        return made
    right = are_right([call for step in sample.call for call in step], task.reference, tuple(tools))
    return dataclasses.replace(made, outcome=task.reference) if right else made


def _checked(reference: str, tools: list[ToolSpec]) -> str:
    """Return a person's reference as a seed would have it; InputError for one that no call can be compared
    with."""
    value = _parsed("reference", reference)
    try:
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            return allowed_calls([{one["name"]: one["allowed"]} for one in value], tools)
        return fitting_calls([[dict(call) for call in step] for step in value], tools)
    except (ValueError, KeyError, TypeError) as error:
        said = f" {error}" if type(error) is ValueError else ""
        raise InputError(
            f"the reference is no step of calls such as [[call, call]], nor a list of allowed values:{said}"
        ) from None


def _parsed(name: str, text: str) -> Any:
    try:
        return strict_json(text)
    except JsonFault as error:
        raise InputError(f"the {name} is no JSON: {error}") from None
