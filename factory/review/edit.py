"""Editing of a sample: unaffected fields are kept, derived ones are computed again.

Promise: calls are parsed and carried out as the teacher's are, so an edited sample holds the tool's real
results; a change that makes an invalid sample is refused with the reason that a check would name. A person's
own tools are not run from here.
"""

import json
from pathlib import Path
from typing import Any

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.errors import InputError
from factory.tasks.conversation import Messages, Origin, stored_conversation
from factory.tasks.kinds import KINDS
from factory.tasks.sample import Task
from factory.text.reasons import sentence

Row = dict[str, Any]


def edited(row: Row, changes: dict[str, str], own: Path | None) -> Row:
    """Return the row of `samples` that the changes make of `row`; JSON columns are values. InputError says
    what is wrong with them."""
    kind = KINDS[row["kind"]]
    if unknown := sorted(set(changes) - set(kind.editable)):
        raise InputError(
            f"{', '.join(unknown)} of a sample of this kind is derived from other fields and cannot be edited"
        )
    if too_long := [name for name, text in changes.items() if len(text) > MAX_CHARACTERS]:
        raise InputError(f"the {too_long[0]} has more than {MAX_CHARACTERS} characters")
    if any("\ud800" <= character <= "\udfff" for text in changes.values() for character in text):
        raise InputError("the text contains an unpaired surrogate")
    if all(text == _written(row[name]) for name, text in changes.items()):
        raise InputError("nothing was changed")
    changed = row | {name: text for name, text in changes.items() if name != "call"}
    if not (changed["question"] or "").strip():
        raise InputError("the question is empty")
    task = Task(
        row["seed_id"],
        row["language"],
        row["family"] or "",
        changed["question"].strip(),
        row["reference"],
        changed["input"] or "",
    )
    sample = kind.remake(changed, changes, task, own)
    if sample.fault:
        raise InputError(
            f"the edited sample is invalid: {sentence(sample.fault)} ({sample.fault})"
            + (f": {sample.detail}" if sample.detail else "")
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
        "origins": _origins(row, sample.messages or []),
        "dedup_key": sample.dedup_key,
    }


def _origins(row: Row, messages: Messages) -> list[Row]:
    """Return where each of the assistant's turns comes from: what is as it was from where it came before, the
    rest from a person."""
    before = stored_conversation(
        {"messages": None, "tools": None, "origins": None} | row | {"request_keys": None}
    )
    said = [message for message in before.messages if message["role"] == "assistant"]
    kept = list(zip(said, before.origins, strict=True))
    answers = [message for message in messages if message["role"] == "assistant"]
    return [
        next((origin for old, origin in kept[place : place + 1] if old == message), Origin()).stored()
        for place, message in enumerate(answers)
    ]


def _written(value: Any) -> str:
    """Return a value as the text in its field of the page."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
