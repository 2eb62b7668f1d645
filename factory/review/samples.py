"""Queries of the review page: counts, one page of a filtered list, one sample with its
whole pedigree.

Promise: every text is made visible (`factory.text.visible`) unless it is under `raw`, where it goes into
a field to be edited; values are bound, never spelled into a statement; the file is open only while a question
is answered, and a writer that comes waits for that long.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from factory.errors import InputError
from factory.review.judging import EditJudge, Judged
from factory.review.tokens import Speller
from factory.review.verdicts import SUGGESTED
from factory.store.store import read_store
from factory.tasks.kinds import KINDS
from factory.text.reasons import sentence
from factory.text.visible import escape_hidden, truncate

PAGE = 50  # rows of the list
LONGEST = 20_000  # characters of a text on the page
STATES = {
    "all": "true",
    "accepted": "d.accepted",
    "rejected": "NOT d.accepted AND d.decided_by <> 'nobody yet'",
    "undecided": "d.decided_by = 'nobody yet'",
    "person": "d.decided_by = 'person'",
}
SORTS = {
    "position": "s.position",
    "uncertainty": "u.mean_entropy DESC NULLS LAST, s.position",
    "score": "k.score NULLS LAST, s.position",
}
_JSON = ("messages", "tools", "call", "form", "parameters")
_FACETS = ("language", "family", "kind")
_SEARCHED = ("question", "input", "rationale", "answer", "result", "call::VARCHAR")
_UNCERTAINTY = "LEFT JOIN (SELECT request_key, mean_entropy FROM uncertainty) u USING (request_key)"
_SCORE = """LEFT JOIN (
    SELECT sample_id, coalesce(min(score) FILTER (check_name = 'judge'), max(score)) AS score
    FROM current_verdicts GROUP BY sample_id
) k USING (sample_id)"""

Row = dict[str, Any]


class Samples:
    """The store of one workspace, for reading."""

    def __init__(self, store: Path):
        self._store = store
        self._speller = Speller()

    def overview(self) -> Row:
        """Return the run, the counts of each state, and the values of the filters."""
        with self._reading() as connection:
            runs = _rows(connection, "SELECT recipe_name, started_at, run_id FROM current_run")
            if not runs:
                raise InputError(
                    "there is no run in this store yet", "Make samples first: factory run RECIPE -w DIR"
                )
            counted = ", ".join(
                f'count(*) FILTER ({condition}) AS "{state}"' for state, condition in STATES.items()
            )
            (counts,) = _rows(connection, f"SELECT {counted} FROM decisions d")
            reasons = _rows(
                connection,
                "SELECT check_name, reason, samples FROM yield_by_check WHERE NOT passed "
                "ORDER BY samples DESC, check_name, reason",
            )
            facets = {
                name: [
                    row["value"]
                    for row in _rows(
                        connection, f"SELECT DISTINCT {name} AS value FROM current_samples ORDER BY 1"
                    )
                    if row["value"]
                ]
                for name in _FACETS
            }
        return {
            "run": runs[0],
            "counts": counts,
            "reasons": _explained(reasons),
            "suggested": _explained([{"reason": code} for code in SUGGESTED]),
            **facets,
        }

    def page(self, wanted: dict[str, str]) -> Row:
        """Return one page of the list. `wanted` may have state, reason (check/reason), language, family,
        kind, q, sort and offset."""
        state, sort = wanted.get("state", "all"), wanted.get("sort", "position")
        offset = wanted.get("offset", "0")
        if (
            state not in STATES
            or sort not in SORTS
            or not (offset.isascii() and offset.isdigit() and len(offset) < 10)
        ):
            raise InputError("unknown state, sort order or offset")
        conditions, values = [STATES[state]], []
        for name in _FACETS:
            if wanted.get(name):
                conditions.append(f"s.{name} = ?")
                values.append(wanted[name])
        if wanted.get("reason"):
            check, _, reason = wanted["reason"].partition("/")
            conditions.append(
                "sample_id IN (SELECT sample_id FROM current_verdicts "
                "WHERE NOT passed AND check_name = ? AND reason = ? UNION ALL "
                "SELECT sample_id FROM person_verdicts WHERE NOT passed AND 'person' = ? AND reason = ?)"
            )
            values += [check, reason, check, reason]
        if wanted.get("q"):
            conditions.append(
                "(" + " OR ".join(f"contains(lower(s.{name}), lower(?))" for name in _SEARCHED) + ")"
            )
            values += [wanted["q"]] * len(_SEARCHED)
        found = (
            "FROM current_samples s "
            "JOIN (SELECT sample_id, accepted, decided_by FROM decisions) d USING (sample_id) "
            f"{_UNCERTAINTY if sort == 'uncertainty' else ''} {_SCORE if sort == 'score' else ''} "
            f"WHERE {' AND '.join(conditions)}"
        )
        with self._reading() as connection:
            (total,) = connection.execute(f"SELECT count(*) {found}", values).fetchone() or (0,)
            ids = [
                name
                for (name,) in connection.execute(
                    f"SELECT sample_id {found} ORDER BY {SORTS[sort]} LIMIT {PAGE} OFFSET {int(offset)}",
                    values,
                ).fetchall()
            ]
            rows = {
                row["sample_id"]: row
                for row in _rows(
                    connection,
                    "SELECT s.sample_id, s.position, s.language, s.question, "
                    "coalesce(s.result, s.answer) AS outcome, s.fault, d.accepted, d.decided_by, "
                    "s.edited_from, round(u.mean_entropy, 3) AS uncertainty FROM current_samples s "
                    "JOIN (SELECT sample_id, accepted, decided_by FROM decisions) d USING (sample_id) "
                    f"{_UNCERTAINTY} WHERE list_contains(?, sample_id)",
                    [ids],
                )
            }
        return {"rows": [_with_outcome(rows[name]) for name in ids], "total": total}

    def sample(self, sample_id: str) -> Row:
        """Return a sample with answer, verdicts, pedigree and the teacher's tokens; InputError if it is not
        in the store."""
        with self._reading() as connection:
            found = _rows(connection, "SELECT * FROM samples WHERE sample_id = ?", [sample_id])
            if not found:
                raise InputError("there is no such sample in the store")
            (raw,) = _raw(connection, "SELECT * FROM samples WHERE sample_id = ?", [sample_id])
            (row,) = found
            decided = _rows(
                connection,
                "SELECT accepted, decided_by, position FROM decisions WHERE sample_id = ?",
                [sample_id],
            )
            said = _raw(
                connection,
                "SELECT check_key FROM verdicts WHERE sample_id = ? AND check_name = 'person'",
                [sample_id],
            )
            answers = _rows(
                connection,
                "SELECT request_key, teacher, revision, template_digest, parameters, messages, text, "
                "finish_reason, error, prompt_tokens, completion_tokens, seconds, attempts, finished_at "
                "FROM generations WHERE request_key = ?",
                [raw["request_key"]],
            )
            return {
                "sample": row | {"fault": row["fault"] and f"{sentence(row['fault'])} ({row['fault']})"},
                "raw": {name: _field(raw[name]) for name in KINDS[raw["kind"]].shown_fields(raw)},
                "seen": max((row["check_key"] for row in said), default=""),
                "decision": decided[0] if decided else None,
                "answer": answers[0] if answers else None,
                "tokens": self._tokens(connection, raw["request_key"]),
                "verdicts": _explained(
                    _rows(
                        connection,
                        "SELECT v.check_name, v.passed, v.reason, v.score, v.detail, v.judged_at, v.undoes, "
                        # What was said of an edit was said when it was made.
                        "c.check_key IS NOT NULL OR s.edited_from IS NOT NULL AND v.check_name <> 'person' "
                        "AS counts "
                        "FROM verdicts v "
                        "JOIN (SELECT sample_id, edited_from FROM samples) s USING (sample_id) "
                        "LEFT JOIN (SELECT sample_id, check_key FROM current_verdicts "
                        "UNION ALL SELECT sample_id, check_key FROM person_verdicts) c "
                        "USING (sample_id, check_key) WHERE v.sample_id = ? "
                        "ORDER BY v.check_name = 'person', v.check_key",
                        [sample_id],
                    )
                ),
                "seed": next(
                    iter(_rows(connection, "SELECT * FROM seeds WHERE seed_id = ?", [raw["seed_id"]])), None
                ),
                "parents": _related(connection, "list_contains(?, sample_id)", [raw["parents"]]),
                "edits": _related(
                    connection, "edited_from IS NOT NULL AND list_contains(parents, ?)", [sample_id]
                ),
                "draws": _related(connection, "task_id = ? AND sample_id <> ?", [raw["task_id"], sample_id]),
                "models": _rows(
                    connection,
                    "SELECT DISTINCT artifact, kind, role FROM lineage WHERE sample_id = ? "
                    "ORDER BY artifact, role",
                    [sample_id],
                ),
            }

    def judged(self, judge: EditJudge, sample_id: str, changes: dict[str, str]) -> Judged:
        """Return what changes would make of a sample, and what the checks say of it; nothing is stored."""
        with self._reading() as connection:
            return judge.judge(partial(_raw, connection), sample_id, changes)

    def _tokens(self, connection: duckdb.DuckDBPyConnection, request_key: str) -> list[Row]:
        found = connection.execute(
            "SELECT teacher, token_ids, token_logprobs, topk_ids, topk_logprobs FROM generations "
            "WHERE request_key = ?",
            [request_key],
        ).fetchone()
        if not found or not found[1] or not found[2]:
            return []
        teacher, ids, logprobs, top_ids, top_logprobs = found
        places = [
            path
            for (path,) in connection.execute(
                "SELECT path FROM artifacts WHERE name = ?", [teacher]
            ).fetchall()
        ]
        spelled = self._speller.of(teacher, [self._store.parent / path for path in places])
        return [
            {
                "text": escape_hidden(spelled(token)),
                "logprob": logprobs[place],
                "top": [
                    {"text": escape_hidden(spelled(other)), "logprob": value}
                    for other, value in zip(top_ids[place], top_logprobs[place], strict=False)
                ] if top_ids and top_logprobs else [],
            }
            for place, token in enumerate(ids)
        ]  # fmt: skip

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with read_store(self._store) as connection:
            yield connection


def shown_edit(judged: Judged) -> Row:
    """Return what the page shows of an edit that was judged: its verdicts, what is left out, what follows
    from it."""
    follows = {name: judged.edit.row[name] for name in ("result", "answer")}
    shown = {"verdicts": _explained(judged.verdicts), "left_out": judged.left_out, "follows": follows}
    return {name: _escaped(value) for name, value in shown.items()}


def _field(value: Any) -> Any:
    """Return a stored value as the text in its field: a conversation as JSON with a line for each part."""
    if not isinstance(value, str) or not value.startswith('[{"role"'):
        return value
    return json.dumps(json.loads(value), ensure_ascii=False, indent=1)


def _related(connection: duckdb.DuckDBPyConnection, condition: str, values: list[Any]) -> list[Row]:
    found = _rows(
        connection,
        "SELECT sample_id, question, coalesce(result, answer) AS outcome, fault FROM samples "
        f"WHERE {condition} LIMIT 20",
        values,
    )
    return [_with_outcome(row) for row in found]


def _explained(rows: list[Row]) -> list[Row]:
    return [row | {"sentence": sentence(row["reason"])} for row in rows]


def _with_outcome(row: Row) -> Row:
    """Return the row of a list with why it has no outcome, where it has none."""
    fault = row.pop("fault")
    return row | {"outcome": sentence(fault)} if row["outcome"] is None and fault else row


def _raw(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> list[Row]:
    cursor = connection.execute(sql, values or [])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> list[Row]:
    # Read first, then made visible: an escape in JSON text hides the character itself.
    return [
        {
            name: _escaped(json.loads(value) if name in _JSON and value else value)
            for name, value in row.items()
        }
        for row in _raw(connection, sql, values)
    ]


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return escape_hidden(truncate(value, LONGEST))
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {escape_hidden(name): _escaped(item) for name, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float) else str(value)
