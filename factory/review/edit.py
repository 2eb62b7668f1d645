"""A sample after a person's change: what the change leaves true is kept, what follows from it is worked out
again.

Promise: calls are parsed and carried out as the teacher's are, so an edited sample holds the tool's real
results; a change that makes no sound sample is refused with the fault that a check would name. A person's own
tools are not run from here.
"""

import itertools
import json
from pathlib import Path
from typing import Any

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.errors import InputError
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.tasks.instruction import answered
from factory.tasks.kind import Episode
from factory.tasks.rationale import TURN, RationaleKind
from factory.tasks.sample import Sample, Task
from factory.tasks.tool_call import ToolCallKind
from factory.text.strict_json import JsonFault, strict_json
from factory.text.templates import render
from factory.tools.registry import TOOL_NAMES
from factory.tools.spec import ToolSpec

Row = dict[str, Any]


def edited(row: Row, changes: dict[str, str], own: Path | None) -> Row:
    """Return the row of `samples` that the changes make of `row`; JSON columns are values. InputError says
    what is wrong with them."""
    allowed = _ALLOWED[row["kind"]]
    if unknown := sorted(set(changes) - set(allowed)):
        raise InputError(
            f"{', '.join(unknown)} of a sample of this kind follows from the rest and cannot be edited"
        )
    if too_long := [name for name, text in changes.items() if len(text) > MAX_CHARACTERS]:
        raise InputError(f"the {too_long[0]} has more than {MAX_CHARACTERS} characters")
    if any("\ud800" <= character <= "\udfff" for text in changes.values() for character in text):
        raise InputError("the text is not whole Unicode")
    if all(text == _written(row[name]) for name, text in changes.items()):
        raise InputError("nothing was changed")
    changed = row | {name: text for name, text in changes.items() if name != "call"}
    if not (changed["question"] or "").strip():
        raise InputError("there is no question")
    task = Task(
        row["seed_id"],
        row["language"],
        row["family"] or "",
        changed["question"].strip(),
        row["reference"],
        changed["input"] or "",
    )
    sample = _MAKERS[row["kind"]](changed, changes, task, own)
    if sample.fault:
        raise InputError(
            f"this makes no sound sample: {sample.fault}" + (f": {sample.detail}" if sample.detail else "")
        )
    return changed | {
        "task_id": task.task_id,
        "question": task.question,
        "input": task.input,
        "call": sample.call,
        "fault": None,
        "result": sample.result,
        "rationale": sample.rationale,
        "answer": sample.answer,
        "messages": sample.messages,
        "content_id": sample.content_id,
    }


def _written(value: Any) -> str:
    """Return a value as it stands in the field to be edited."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _tool_call(changed: Row, changes: dict[str, str], task: Task, own: Path | None) -> Sample:
    call = changed["call"] if "call" not in changes else _parsed(changes["call"])
    in_steps = isinstance(call, list)
    steps = call if in_steps else [[call]]
    if not all(isinstance(step, list) for step in steps):
        raise InputError("calls are one object, or a list of steps, each a list of calls")
    names = {str(one.get("name")) for one in itertools.chain.from_iterable(steps) if isinstance(one, dict)}
    tools = [ToolSpec.model_validate(tool) for tool in changed["tools"]]
    if foreign := sorted(names & {tool.name for tool in tools} - set(TOOL_NAMES)):
        raise InputError(
            f"{foreign[0]} is a tool of your own, which is not run from here: edit the question or reject the sample"
        )
    # A kind knows from its seeds whether it works in steps.
    seed = Seed("", task.language, "", "", json.dumps(steps) if in_steps else "1", "", 0)
    kind = ToolCallKind([seed], tools, examples=0, seed=0, own=own)
    if not in_steps:
        return _played(kind.episode(task, 0), [json.dumps(call, ensure_ascii=False)])
    said = [json.dumps(step, ensure_ascii=False) for step in steps]
    return _played(kind.episode(task, 0), [*said, "[]"] if steps else ["null", changed["answer"] or ""])


def _parsed(text: str) -> Any:
    try:
        return strict_json(text)
    except JsonFault as error:
        raise InputError(f"the call is no JSON: {error}") from None


def _rationale(changed: Row, changes: dict[str, str], task: Task, own: Path | None) -> Sample:
    kind = RationaleKind([], examples=0, seed=0, own=own)
    text = render(
        TURN,
        own,
        language=task.language,
        rationale=changed["rationale"] or "",
        answer=changed["answer"] or "",
    )
    return _played(kind.episode(task, 0), [text])


def _instruction(changed: Row, changes: dict[str, str], task: Task, own: Path | None) -> Sample:
    return answered(task, Answer(changed["request_key"], changed["answer"] or "", "stop", 0, 0, 0.0), own)


def _played(episode: Episode, texts: list[str]) -> Sample:
    """Return the sample of an episode in which these texts are the answers."""
    next(episode)
    for text in texts:
        try:
            episode.send(Answer("", text, "stop", 0, 0, 0.0))
        except StopIteration as end:
            sample: Sample = end.value
            return sample
    raise InputError("the conversation does not come to an end")


_ALLOWED = {
    "tool_call": ("question", "call", "answer"),
    "rationale": ("question", "rationale", "answer"),
    "instruction": ("question", "input", "answer"),
}
_MAKERS = {"tool_call": _tool_call, "rationale": _rationale, "instruction": _instruction}
