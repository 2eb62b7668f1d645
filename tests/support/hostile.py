"""A stream of good answers with hostile ones put in, and a teacher that says them."""

import functools
import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from factory.inference.request import Answer, Request
from factory.tasks.sample import Task
from factory.text.templates import render
from tests.support.mischief import GOOD, MISCHIEF, Said


@dataclass
class Part:
    """What the teacher says to one task: `says` in turn, made only when it is said, and `judges`. `name` is
    the mischief, None for a good row; `reasons` are all (check, reason) that it has to be rejected with."""

    name: str | None
    says: Callable[[], list[Said]]
    reasons: set[tuple[str, str]]
    judges: str = '{"score": 5}'
    turn: int = 0


class Teacher:
    """A model that plays its parts. `find` gives the part that a request belongs to. It finishes in reverse,
    a few at a time."""

    def __init__(self, find: Callable[[Request], Part], at_once: int = 8):
        self._find, self._at_once = find, at_once

    def __call__(self) -> "Teacher":
        return self

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        waiting = iter(requests)
        while some := [
            (request, self._find(request)) for request in itertools.islice(waiting, self._at_once) if request
        ]:
            for request, part in reversed(some):
                said = Said(part.judges) if is_for_judge(request) else part.says()[part.turn]
                part.turn += not is_for_judge(request)
                yield Answer(request.key, said.text, said.finish_reason, 30, 12, 0.1)


def is_for_judge(request: Request) -> bool:
    return request.schema is not None and "score" in request.schema.get("properties", {})


def names(kind: str, each: int, good: int, seed: int) -> list[tuple[str | None, int]]:
    """Return `each` of every mischief of a kind, numbered, among `good` rows (None), shuffled; the first is a
    good one."""
    mixed: list[tuple[str | None, int]] = [
        (name, number) for name in MISCHIEF[kind] for number in range(each)
    ]
    mixed += [(None, number) for number in range(good - 1)]
    random.Random(seed).shuffle(mixed)
    return [(None, good - 1), *mixed]


def parts(kind: str, tasks: Iterable[Any], mixed: list[tuple[str | None, int]]) -> list[Part]:
    """Return what is said to each task. The task of a near duplicate is that of a good row before it."""
    found: list[Part] = []
    plain: list[Any] = []
    chance = random.Random(len(mixed))
    for task, (name, number) in zip(tasks, mixed, strict=True):
        if name is None:
            plain += [task] if number % 3 == 0 else []
            found.append(Part(None, functools.partial(GOOD[kind], task, number), set()))
            continue
        mischief = MISCHIEF[kind][name]
        candidate = chance.choice(plain) if name == "near duplicate" else task
        judges = '{"score": 10}' if ("judge", "not_scored") in mischief.reasons(number) else '{"score": 5}'
        found.append(
            Part(name, functools.partial(mischief.says, candidate, number), mischief.reasons(number), judges)
        )
    return found


def by_question(tasks: list[Task], found: list[Part]) -> Callable[[Request], Part]:
    """Return how the part of a request is found where its question is in it, on a line of its own."""
    places = {task.question: part for task, part in zip(tasks, found, strict=True)}
    assert len(places) == len(tasks)
    return lambda request: next(
        places[line]
        for message in request.messages
        for line in message["content"].splitlines()
        if line in places and message["role"] == "user"
    )


def by_proposal(found: list[Part]) -> Callable[[Request], Part]:
    """Return how the part of a request is found where the teacher thinks of the question: in turn, then by
    its words."""
    waiting = iter(found)
    asked: dict[str, Part] = {}

    def find(request: Request) -> Part:
        if request.schema is None:
            return asked[request.messages[-1]["content"]]
        part = next(waiting)
        asked[render("instruction_answer.j2", **json.loads(part.says()[0].text))] = part
        return part

    return find


def words(count: int, seed: int) -> list[str]:
    """Return texts of eight invented words, none like another."""
    chance = random.Random(seed)
    known = [
        "".join(chance.choice(part) for part in ("bdfgklmnprst", "aeiou", "bdfgklmnprst", "aeiou", "lmnrst"))
        for _ in range(3000)
    ]
    return [" ".join(chance.sample(known, 8)) for _ in range(count)]
