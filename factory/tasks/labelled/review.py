"""A labelled conversation after a person's change: read and judged as one of a seed is."""

import dataclasses
from typing import Any

from factory.errors import InputError
from factory.seeds.conversations import conversation_content
from factory.seeds.seed import Seed
from factory.tasks.labelled.taskset import sample
from factory.tasks.sample import Sample, Task
from factory.text.strict_json import JsonFault, strict_json


def remake(changed: dict[str, Any], changes: dict[str, str], task: Task) -> Sample:
    """Return the sample of an edited row; its question and reference are the conversation's last ones."""
    turns = changed["messages"]
    if "messages" in changes:
        try:
            turns = strict_json(changes["messages"])
        except JsonFault as error:
            raise InputError(f"the messages are no JSON: {error}") from None
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise InputError("the messages are a list of objects, each with a role and content")
    try:
        content = conversation_content(_weighed(turns, changed["origins"] or []), changed["tools"])
    except ValueError as error:
        raise InputError(str(error)) from None
    task = dataclasses.replace(task, question=content.question, reference=content.reference)
    where = (task.language, task.family, task.question, task.reference)
    return sample(task, Seed("", *where, "", 0, conversation=content.conversation))


def _weighed(turns: list[dict[str, Any]], origins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return turns of which those of the assistant that were seen and not learnt have the weight 0 again,
    unless there are more of them now, or fewer."""
    said = [place for place, turn in enumerate(turns) if turn.get("role") == "assistant"]
    if len(said) != len(origins):
        return turns
    unlearnt = {place for place, origin in zip(said, origins, strict=True) if origin.get("learnt") is False}
    return [{"weight": 0} | turn if place in unlearnt else turn for place, turn in enumerate(turns)]
