"""A sample of function calls after a person's change: parsed as the teacher's are."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.seeds.offered import offered_tools, tools_text
from factory.tasks.function_call.taskset import FunctionCallTaskset
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import replay
from factory.text.strict_json import JsonFault, strict_json


def remake(changed: dict[str, Any], changes: dict[str, str], task: Task, own: Path | None) -> Sample:
    """Return the sample of an edited row; what a person says is right is right."""
    steps = changed["call"]
    if "call" in changes:
        try:
            steps = strict_json(changes["call"])
        except JsonFault as error:
            raise InputError(f"the call is no JSON: {error}") from None
    if not isinstance(steps, list) or len(steps) > 1 or not all(isinstance(step, list) for step in steps):
        raise InputError("calls are [[call, call]], or [] where no tool fits")
    tools = tools_text(offered_tools(changed["tools"]))
    task = dataclasses.replace(task, tools=tools, reference="")
    calls = json.dumps([call for step in steps for call in step], ensure_ascii=False)
    texts = [calls] if steps and steps[0] else [calls, changed["answer"] or ""]
    return replay(FunctionCallTaskset([], examples=0, seed=0, own=own).episode(task, 0), texts)
