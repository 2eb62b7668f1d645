"""Samples whose answers are what the seeds bring: the references, read as a teacher's answers would be."""

import dataclasses
from collections.abc import Sequence

from factory.errors import InputError
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.conversation import Origin
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Episode, replay


def known(task: Task, episode: Episode, texts: Sequence[str]) -> Episode:
    """Ask nothing, and return the sample that `episode` makes of these texts, its turns a person's; without
    texts one with a fault.

    The content id of the texts stands where the key of a request would.
    """
    key = content_id({"reference": [*texts], "task": task.task_id})
    if not texts:
        return Sample(key, task, "", "stop", fault="no_whole_reference", dedup_key=key)
    sample = replay(episode, texts)
    turns = sum(message["role"] == "assistant" for message in sample.messages or ())
    return dataclasses.replace(sample, request_key=key, origins=tuple(Origin("person") for _ in range(turns)))
    yield  # a generator that ends before its first question


def require_answers(seeds: Sequence[Seed]) -> None:
    """Raise InputError for seeds without a reference, where references are learnt."""
    if blank := [seed for seed in seeds if not seed.reference]:
        raise InputError(
            "\n".join(
                f"{seed.source}:{seed.line}: {seed.name} has no reference to learn from"
                for seed in blank[:50]
            ),
            "Write it, leave the row out, or write data.answers: teacher.",
        )
