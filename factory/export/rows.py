"""Dataset rows: accepted samples of a store, each with its pedigree, in the order of the plan.

Promise: a row is a dictionary of plain values with the columns of `Columns`, one for each row of the view
`training_set`, or several where its kind has it learnt as several tasks; the store is opened for reading
only, and memory is bounded however many rows it has. `messages` is as the store holds it, in OpenAI form,
arguments as JSON text; `tools` and `sampling` are JSON text, because tools differ in their properties, and a
column of structures would fill each with the nulls of all others. Not promised: an order between splits, or
that a sample without a conversation to learn from has a row; such ones are counted.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb

from factory.errors import FactoryError
from factory.recipe.source import read_source
from factory.seeds.split import side
from factory.store.store import read_store
from factory.tasks.conversation import Conversation, Messages
from factory.tasks.kind import Kind
from factory.tasks.kinds import KINDS, stored_kind

Row = dict[str, Any]
Shape = Literal["messages", "prompt-completion"]

FETCHED_ROWS = 1000
# The store is read in stretches of the plan. Sorting all of it at once would hold it in memory, since DuckDB
# cannot spill every operator.
STRETCH_ROWS = 50_000
MEMORY = "1GB"
PLACES = """
    CREATE TEMP TABLE places AS
    SELECT row_number() OVER (ORDER BY t.place, t.position) AS place, t.sample_id,
           s.rowid AS sample_row, g.rowid AS generation_row
    FROM training_set t JOIN samples s USING (sample_id)
    LEFT JOIN generations g ON g.request_key = s.request_key
"""
# Joined by the number of the row: DuckDB then reads only the blocks that hold it.
STRETCH = """
    WITH stretch AS (SELECT * FROM places WHERE place > $after AND place <= $after + $rows),
    judged AS (
        SELECT sample_id, list(
            {'check': check_name, 'passed': passed, 'reason': reason, 'score': score} ORDER BY check_name
        ) AS verdicts
        FROM (
            SELECT sample_id, check_name, passed, reason, score FROM current_verdicts
            UNION ALL SELECT sample_id, 'person', passed, reason, NULL FROM person_verdicts
        )
        SEMI JOIN stretch USING (sample_id) GROUP BY sample_id
    )
    SELECT s.* REPLACE (coalesce(s.family, d.family) AS family, coalesce(s.input, '') AS input), j.verdicts,
           d.name AS seed, g.teacher, g.revision AS teacher_revision, g.template_digest, g.parameters
    FROM stretch p
    JOIN samples s ON s.rowid = p.sample_row
    LEFT JOIN generations g ON g.rowid = p.generation_row
    JOIN seeds d ON d.seed_id = s.seed_id
    JOIN judged j ON j.sample_id = p.sample_id
    ORDER BY p.place
"""
COUNTS = """
    SELECT count(*) FILTER (edited_from IS NULL) AS samples, count(*) FILTER (accepted) AS accepted,
           count(*) FILTER (accepted AND edited_from IS NOT NULL) AS edited,
           (SELECT count(*) FROM places) AS going_out
    FROM decisions
"""
HELD_KINDS = """
    SELECT DISTINCT s.kind, s.tools::VARCHAR NOT IN ('[]', 'null') AS tools
    FROM places JOIN samples s USING (sample_id)
"""
RUN = "SELECT run_id, started_at, recipe_name, recipe_digest, recipe_text, plan_id FROM current_run"
YIELDS = """
    SELECT check_name, reason, passed, samples, share FROM yield_by_check
    ORDER BY check_name, passed DESC, samples DESC, reason
"""
PROVENANCE = (
    "sample_id", "kind", "language", "family", "question", "reference", "rationale", "answer",
    "seed", "seed_id", "task_id", "parents",
    "teacher", "teacher_revision", "template_digest", "request_key", "sampling", "dedup_key", "verdicts",
)  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Which columns a dataset has: those to learn from, by kind and shape, then where a row comes from.
    `own`: those that only some kinds have; `tasks`: a sample may be several rows."""

    shape: Shape
    tools: bool
    own: tuple[str, ...]
    tasks: bool

    @property
    def conversations(self) -> tuple[str, ...]:
        """The columns that hold lists of messages."""
        return ("messages",) if self.shape == "messages" else ("prompt", "completion")

    @property
    def names(self) -> tuple[str, ...]:
        tools, tasks = ("tools",) * self.tools, ("task", "weight") * self.tasks
        return (*self.conversations, *tasks, *tools, *self.own, *PROVENANCE)


@dataclass
class Tally:
    """What went out, counted on the way: rows by (split, language, family), samples and seeds by split;
    samples by kind, by teacher and by sampling settings; `written`: those of no teacher's; `edited`: what
    people made of a sample, the teacher's or not; `overruled`: what they accepted against a check."""

    rows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    samples: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, set[str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    teachers: Counter[tuple[str, str]] = field(default_factory=Counter)
    sampling: Counter[str] = field(default_factory=Counter)
    written: int = 0
    edited: int = 0
    overruled: int = 0
    without_conversation: int = 0

    def split(self, name: str) -> int:
        """Return the number of rows of one split."""
        return sum(count for (split, _, _), count in self.rows.items() if split == name)

    def add(self, split: str, rows: list[Row], *, edited: bool = False) -> None:
        """Count one sample and its rows."""
        row = rows[0]
        self.rows[split, row["language"], row["family"]] += len(rows)
        self.samples[split] += 1
        self.seeds.setdefault(split, set()).add(row["seed_id"])
        self.kinds[row["kind"]] += 1
        self.overruled += not all(verdict["passed"] for verdict in row["verdicts"])
        if edited:
            self.edited += 1
            return
        if row["teacher"] is None:
            self.written += 1
            return
        self.teachers[row["teacher"], row["teacher_revision"]] += 1
        settings = {
            name: value for name, value in json.loads(row["sampling"]).items() if name not in ("seed", "draw")
        }
        self.sampling[json.dumps(settings, sort_keys=True)] += 1


@dataclass(frozen=True)
class Source:
    """An open store: the run whose samples go out, its yields, how many answers there are, how many samples
    were accepted (`edited` of them in a person's words) and go out (no more than the run wants), and what
    they hold.

    `weights` says what a row of each task weighs, and is empty where each sample is one row.
    """

    connection: duckdb.DuckDBPyConnection
    run: Row
    samples: int
    accepted: int
    edited: int
    going_out: int
    yields: list[Row]
    tools: bool
    own: tuple[str, ...]
    weights: dict[str, float]

    def columns(self, shape: Shape) -> Columns:
        """Return the columns of a dataset of this store."""
        return Columns(shape, self.tools, self.own, bool(self.weights))

    def samples_rows(
        self, columns: Columns, validation: float, tally: Tally
    ) -> Iterator[tuple[str, list[Row]]]:
        """Yield (split, rows) for every accepted sample, and count them into `tally`."""
        for after in range(0, self.going_out, STRETCH_ROWS):
            for stored in _query(self.connection, STRETCH, after=after, rows=STRETCH_ROWS):
                rows = _rows(stored, columns, self.weights)
                if not rows:
                    tally.without_conversation += 1
                    continue
                split = side(stored["seed_id"], validation)
                tally.add(split, rows, edited=stored["edited_from"] is not None)
                yield split, rows


@contextmanager
def open_source(store: Path) -> Iterator[Source]:
    """Open a store for reading; raise FactoryError if it cannot be read, or if nothing in it was accepted."""
    with read_store(store) as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        # It would be drawn on standard output.
        connection.execute("SET enable_progress_bar = false")
        connection.execute(PLACES)
        (counts,) = _query(connection, COUNTS)
        if not counts["accepted"]:
            raise FactoryError(
                f"{store} has no accepted sample: there is nothing to export", _why_empty(counts["samples"])
            )
        (run,) = _query(connection, RUN)
        held = list(_query(connection, HELD_KINDS))
        kinds = [kind for name, kind in KINDS.items() if any(row["kind"] == name for row in held)]
        yield Source(
            connection,
            run,
            counts["samples"],
            counts["accepted"],
            counts["edited"],
            counts["going_out"],
            list(_query(connection, YIELDS)),
            tools=any(row["tools"] for row in held),
            own=tuple(dict.fromkeys(column for kind in kinds for column in kind.export_columns)),
            weights=_weights(run["recipe_text"], [kind for kind in kinds if kind.tasks]),
        )


def _weights(recipe_text: str, kinds: list[Kind[Any, Any]]) -> dict[str, float]:
    if not kinds:
        return {}
    source = read_source(recipe_text)
    if source.value is None:
        raise FactoryError(
            "the recipe of the latest run cannot be read, so the weights of rows are unknown: "
            f"{source.faults[0].message}",
            "Look at it with: factory audit current_run -w DIR",
        )
    data = source.value.get("data")
    weights: dict[str, float] = {}
    for kind in kinds:
        weights |= kind.task_weights(data if isinstance(data, dict) else {})
    return weights


def _why_empty(samples: int) -> str:
    if samples:
        return f"{samples} samples were rejected, or wait for a check: factory audit yield_by_check -w DIR"
    return "Make some with: factory run RECIPE -w DIR"


def _query(connection: duckdb.DuckDBPyConnection, sql: str, **parameters: int) -> Iterator[Row]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description or ()]
    while some := cursor.fetchmany(FETCHED_ROWS):
        for values in some:
            yield dict(zip(names, values, strict=True))


def _rows(stored: Row, columns: Columns, weights: dict[str, float]) -> list[Row]:
    whole = Conversation(_weighed(stored))
    if not whole.parts[0]:
        return []
    rows = []
    for lesson in stored_kind(stored["kind"]).lessons(whole, stored["answer"]):
        weight = weights.get(lesson.task, 1.0)
        rows.append(_row(stored, columns, *lesson.parts, lesson.task or None, weight))
    return rows


def _weighed(stored: Row) -> Messages:
    """Return the messages of a sample, those of the assistant that are not learnt with `weight: 0`, as
    OpenAI has it."""
    messages: Messages = json.loads(stored["messages"]) if stored["messages"] else []
    said = [message for message in messages if message["role"] == "assistant"]
    for message, origin in zip(said, json.loads(stored["origins"] or "[]"), strict=False):
        if not origin.get("learnt", True):
            message["weight"] = 0
    return messages


def _row(
    stored: Row, columns: Columns, prompt: Messages, completion: Messages, task: str | None, weight: float
) -> Row:
    own = dict.fromkeys(columns.own) | stored_kind(stored["kind"]).export_values(stored)
    values = (
        stored
        | own
        | {
            "messages": prompt + completion,
            "prompt": prompt,
            "completion": completion,
            "task": task,
            "weight": weight,
            "sampling": stored["parameters"],
        }
    )
    return {name: values[name] for name in columns.names}
