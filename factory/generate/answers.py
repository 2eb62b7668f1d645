"""The answers of one teacher that are there already: all of its keys, and the texts of those that are likely
to be needed next.

Promise: every answer that was stored when this was opened, or that was added since, is found. Memory: a key
for each, and the texts of `GROUPS` groups of about `GROUP_ROWS` answers and of the `RECENT` latest that were
added. Answers that were committed together are read together: whoever goes the way of an earlier run again
reads the store in its own order. Not promised: speed for one who jumps about in it.
"""

import dataclasses
import itertools
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from factory.inference.request import Answer
from factory.store.store import Store

GROUP_ROWS, GROUPS = 2048, 8
RECENT = 8192  # several times what waits to be committed: what is no longer held is in the store
_ADDED = -1
_NO_DISTRIBUTION: dict[str, Any] = {
    "token_ids": None,
    "token_logprobs": None,
    "topk_ids": None,
    "topk_logprobs": None,
}
_COLUMNS = "request_key, text, finish_reason, prompt_tokens, completion_tokens, seconds, error"


class Answers:
    """What the teacher of that name and revision has answered. Distributions are read only where they are
    asked for."""

    def __init__(self, store: Store, teacher: str, revision: str):
        self._store, self._whose = store, [teacher, revision]
        self._group_of: dict[str, int] = {}
        self._ends: list[tuple[int, int]] = []
        for number, group in enumerate(self._grouped()):
            self._group_of |= dict.fromkeys((key for key, _ in group), number)
            self._ends.append((group[0][1], group[-1][1]))
        self._held: OrderedDict[int, dict[str, Answer]] = OrderedDict()
        self._recent: OrderedDict[str, Answer] = OrderedDict()

    def get(self, key: str) -> Answer | None:
        """Return the answer to a request, or None if there is none yet."""
        group = self._group_of.get(key)
        if group is None:
            return None
        if group == _ADDED:
            return self._recent.get(key) or self._read("request_key = ?", [key])[key]
        if group not in self._held:
            self._held[group] = self._read("batch BETWEEN ? AND ?", list(self._ends[group]))
            if len(self._held) > GROUPS:
                self._held.popitem(last=False)
        self._held.move_to_end(group)
        return self._held[group][key]

    def add(self, answer: Answer, *, needs_logprobs: bool) -> None:
        """Take a new answer, with its distribution only if it is `weighed`. It has to be committed before
        `RECENT` others are added."""
        self._group_of[answer.key] = _ADDED
        self._recent[answer.key] = (
            answer if needs_logprobs else dataclasses.replace(answer, **_NO_DISTRIBUTION)
        )
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def with_distribution(self, answer: Answer) -> Answer:
        """Return an answer with its token ids and its top-k logprobs, where it has any."""
        if answer.token_ids is not None:
            return answer
        rows = self._store.query(
            "SELECT token_ids, topk_ids, topk_logprobs FROM generations WHERE request_key = ?", [answer.key]
        )
        return dataclasses.replace(answer, **rows[0]) if rows else answer

    def _grouped(self) -> Iterator[list[tuple[str, int]]]:
        """Yield keys with their batches in the order of the store, whole batches together."""
        rows = self._store.query(
            "SELECT request_key, batch FROM generations "
            "WHERE teacher = ? AND revision = ? ORDER BY batch, rowid",
            self._whose,
        )
        group: list[tuple[str, int]] = []
        for _, batch in itertools.groupby(
            ((row["request_key"], row["batch"]) for row in rows), key=lambda row: row[1]
        ):
            group += batch
            if len(group) >= GROUP_ROWS:
                yield group
                group = []
        if group:
            yield group

    def _read(self, where: str, values: list[Any]) -> dict[str, Answer]:
        rows = self._store.query(
            f"SELECT {_COLUMNS} FROM generations WHERE teacher = ? AND revision = ? AND {where}",
            [*self._whose, *values],
        )
        return {row["request_key"]: _answer(row) for row in rows}


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        row["request_key"],
        row["text"],
        row["finish_reason"],
        row["prompt_tokens"],
        row["completion_tokens"],
        row["seconds"],
        error=row["error"],
    )
