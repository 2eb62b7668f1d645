"""A sample of calls after a person's change: parsed and carried out as the teacher's are."""

import itertools
import json
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.seeds.seed import Seed
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import replay
from factory.tasks.tool_call.taskset import ToolCallTaskset
from factory.text.strict_json import JsonFault, strict_json
from factory.tools.registry import TOOL_NAMES
from factory.tools.spec import ToolSpec


def remake(changed: dict[str, Any], changes: dict[str, str], task: Task, own: Path | None) -> Sample:
    """Return the sample of an edited row, its calls carried out; a person's own tools are not run."""
    call = changed["call"] if "call" not in changes else _parsed(changes["call"])
    in_steps = isinstance(call, list)
    steps = call if in_steps else [[call]]
    if not all(isinstance(step, list) for step in steps):
        raise InputError("calls are one object, or a list of steps, each a list of calls")
    names = {str(one.get("name")) for one in itertools.chain.from_iterable(steps) if isinstance(one, dict)}
    tools = [ToolSpec.model_validate(tool) for tool in changed["tools"]]
    if foreign := sorted(names & {tool.name for tool in tools} - set(TOOL_NAMES)):
        raise InputError(
            f"{foreign[0]} is a tool of your own, which is not run from here: "
            "edit the question or reject the sample"
        )
    # A taskset knows from its seeds whether it works in steps.
    seed = Seed("", task.language, "", "", json.dumps(steps) if in_steps else "1", "", 0)
    taskset = ToolCallTaskset([seed], tools, examples=0, seed=0, own=own)
    if not in_steps:
        return replay(taskset.episode(task, 0), [json.dumps(call, ensure_ascii=False)])
    turns = [json.dumps(step, ensure_ascii=False) for step in steps]
    return replay(taskset.episode(task, 0), [*turns, "[]"] if steps else ["null", changed["answer"] or ""])


def _parsed(text: str) -> Any:
    try:
        return strict_json(text)
    except JsonFault as error:
        raise InputError(f"the call is no JSON: {error}") from None
