"""Editing of a sample: unaffected fields are kept, derived ones are computed again.

Promise: calls are parsed and carried out as the teacher's are, so an edited sample holds the tool's real
results; a change that makes an invalid sample is refused with the reason that a check would name. What the
checks say of a valid one is told elsewhere (`factory.review.judging`).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.errors import InputError
from factory.tasks.conversation import Origin, stored_conversation
from factory.tasks.kinds import KINDS
from factory.tasks.sample import Sample, Task
from factory.text.reasons import sentence
from factory.tools.registry import RunTool

Row = dict[str, Any]
_OF_TASK = ("question", "input", "reference")


class Edit(NamedTuple):
    """An edited sample: its row of `samples`, JSON columns as values, and what the checks look at."""

    row: Row
    sample: Sample


def edited(row: Row, changes: dict[str, str], own: Path | None, run: RunTool | None = None) -> Edit:
    """Return what the changes make of a row of `samples`; `run` carries calls out, those of the tools that
    ship where it is None. InputError says what is wrong with them."""
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
    given = {name: text for name, text in changes.items() if name not in ("call", "messages")}
    changed = row | {name: text.strip() if name in _OF_TASK else text for name, text in given.items()}
    if not changed["question"]:
        raise InputError("the question is empty")
    sample = kind.remake(changed, changes, task_of(changed), own, run)
    if sample.fault:
        raise InputError(
            f"the edited sample is invalid: {sentence(sample.fault)} ({sample.fault})"
            + (f": {sample.detail}" if sample.detail else "")
        )
    task = sample.task
    same_task = all((row[name] or "") == getattr(task, name) for name in _OF_TASK)
    after = changed | {
        "task_id": row.get("task_id") if same_task else task.task_id,
        "question": task.question,
        "input": task.input,
        "reference": task.reference,
        "call": sample.call,
        "fault": None,
        "result": sample.result,
        "rationale": sample.rationale,
        "answer": sample.answer,
        "messages": sample.messages,
        "origins": _origins(row, sample),
        "dedup_key": sample.dedup_key,
    }
    return Edit(after, sample)


def task_of(row: Row) -> Task:
    """Return the task of a stored sample."""
    return Task(
        row["seed_id"],
        row["language"],
        row["family"] or "",
        row["question"],
        row["reference"],
        row["input"] or "",
    )


def _origins(row: Row, sample: Sample) -> list[Row]:
    """Return where each of the assistant's turns comes from: what is as it was from where it came before, the
    rest from a person. Whether it is learnt, a kind says that knows turns which are not."""
    before = stored_conversation(
        {"messages": None, "tools": None, "origins": None} | row | {"request_keys": None}
    )
    said = [message for message in before.messages if message["role"] == "assistant"]
    kept = dict(enumerate(zip(said, before.origins, strict=True)))
    made = dict(enumerate(sample.origins))
    answers = [message for message in sample.messages or [] if message["role"] == "assistant"]
    origins = []
    for place, message in enumerate(answers):
        old, origin = kept.get(place, (None, Origin()))
        learnt = made[place].learnt if place in made else True
        origins.append(replace(origin if old == message else Origin(), learnt=learnt).stored())
    return origins


def _written(value: Any) -> str:
    """Return a value as the text in its field of the page."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
