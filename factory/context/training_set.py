"""The accepted samples that a student learns from.

Whoever learns from samples reads them here and nowhere else: a union of several stores would be another class
with the same members, made in `Lineage.samples` (`factory/context/lineage.py`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

from factory.store.store import Row, Store
from factory.system.digest import content_id
from factory.tasks.conversation import Conversation, stored_conversation

T = TypeVar("T")


class TrainingSet:
    """The accepted samples of one store, in the plan's order, as they are when this is asked for them."""

    def __init__(self, store: Store):
        self._store = store

    @cached_property
    def ids(self) -> list[str]:
        rows = self._store.query("SELECT sample_id FROM training_set ORDER BY place, position")
        return [row["sample_id"] for row in rows]

    @cached_property
    def content_id(self) -> str:
        """What the ids of models follow from: which samples, and their order."""
        return content_id(self.ids)

    def rows(self, columns: str, ids: Sequence[str] | None = None) -> list[Row]:
        """Return these columns of the samples, or of those with the given ids, in the plan's order; `t` is
        the sample (view `training_set`), `k.request_keys` are all the answers that it took, where it took
        more than one."""
        chosen = "" if ids is None else "WHERE list_contains(?, t.sample_id)"
        return self._store.query(
            f"SELECT {columns} FROM training_set t LEFT JOIN ("
            "SELECT place, position, list(request_key ORDER BY turn) AS request_keys "
            "FROM turns JOIN current_sources USING (plan_id) GROUP BY place, position"
            f") k USING (place, position) {chosen} ORDER BY t.place, t.position",
            None if ids is None else [list(ids)],
        )

    def conversations(self, ids: Sequence[str] | None = None) -> list[tuple[Row, Conversation]]:
        """Return the samples, or those with the given ids, in the plan's order, with their conversations."""
        columns = (
            "t.sample_id, t.place, t.kind, t.seed_id, t.rationale, t.answer, t.messages, t.tools, t.origins, "
            "t.request_key, k.request_keys"
        )
        return [(row, stored_conversation(row)) for row in self.rows(columns, ids)]

    def answers(self, keys: Sequence[str]) -> dict[str, Row]:
        """Return the teacher's answers to these requests, by request key, with what is stored of their
        distributions."""
        rows = self._store.query(
            "SELECT request_key, messages, text, token_ids, token_logprobs, topk_ids, topk_logprobs "
            "FROM generations WHERE request_key IN (SELECT unnest(?))",
            [list(keys)],
        )
        return {row["request_key"]: row for row in rows}


def spread(samples: Sequence[T], count: int) -> list[T]:
    """Return `count` of the samples, or all, evenly from all."""
    count = min(count, len(samples))
    return [samples[place * len(samples) // count] for place in range(count)]
