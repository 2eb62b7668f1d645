"""The samples that an edited one is compared with: the other draws of its question, and those that were kept
and may say the same.

Promise: they are read from the store and made again as they were; nothing is asked of a teacher. Of what was
kept, those with the same content are looked at, and where likeness counts the `NEAR` that share most words.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from factory.errors import InputError
from factory.review.edit import Edit, Row, task_of
from factory.tasks.kinds import KINDS
from factory.tasks.sample import Sample
from factory.tools.registry import RunTool

NEAR, DRAWS = 100, 64
Query = Callable[[str, list[Any]], list[Row]]
_JSON = ("messages", "tools", "call", "form", "origins")
_SAMPLE = "SELECT s.* EXCLUDE (batch) FROM samples s"
# What a person edited, another sample stands for; and what was taken back stands for nothing.
_DRAWS = f"""
    {_SAMPLE}
    SEMI JOIN (SELECT sample_id FROM current_samples WHERE place = ?) USING (sample_id)
    LEFT JOIN (SELECT sample_id, passed, reason FROM person_verdicts) p USING (sample_id)
    WHERE s.task_id = ? AND coalesce(s.edited_from, s.sample_id) <> ?
        AND coalesce(p.reason, '') <> 'edited' AND (s.edited_from IS NULL OR p.passed)
    ORDER BY s.sample_id LIMIT {DRAWS}
"""
_KEPT = f"""
    {_SAMPLE}
    SEMI JOIN (SELECT sample_id FROM decisions WHERE accepted AND place = ?) USING (sample_id)
    WHERE coalesce(s.edited_from, s.sample_id) <> ?
"""
_WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}]|[\p{L}\p{N}]+"


class Beside(NamedTuple):
    """The other draws of an edited sample's question, and samples that were kept."""

    draws: list[Sample]
    kept: list[Sample]


def stored_row(query: Query, sample_id: str) -> Row:
    """Return the row of a sample, JSON columns as values; InputError if it is not in the store."""
    rows = query(f"{_SAMPLE} WHERE sample_id = ?", [sample_id])
    if not rows:
        raise InputError("there is no such sample in the store")
    return _read(rows[0])


def beside(
    query: Query, row: Row, edit: Edit, place: int, own: Path, run: RunTool | None, *, near: bool
) -> Beside:
    """Return what the edit of a row is compared with; `near` looks for what is worded alike."""
    root = row["edited_from"] or row["sample_id"]
    draws = query(_DRAWS, [place, edit.row["task_id"], root])
    kept = query(f"{_KEPT} AND s.dedup_key = ? LIMIT 1", [place, root, edit.sample.dedup_key])
    if near and not kept:
        said, other = _words("?"), _words("concat_ws(' ', s.question, s.rationale)")
        alike = f"len(list_intersect({other}, {said})) / (len({other}) + len({said}) + 1)"
        text = f"{edit.sample.task.question} {edit.sample.rationale or ''}"
        kept = query(f"{_KEPT} ORDER BY {alike} DESC, s.sample_id LIMIT {NEAR}", [place, root, text, text])
    return Beside(*([_made_again(_read(one), own, run) for one in rows] for rows in (draws, kept)))


def _words(text: str) -> str:
    """Return the SQL of the different words of a text."""
    return f"list_distinct(regexp_extract_all(lower({text}), '{_WORD}'))"


def _made_again(row: Row, own: Path, run: RunTool | None) -> Sample:
    """Return what the checks look at in a stored sample."""
    bare = Sample(row["request_key"], task_of(row), "", "stop", fault=row["fault"])
    try:
        made = bare if row["fault"] else KINDS[row["kind"]].remake(row, {}, task_of(row), own, run)
    except InputError:  # of tools that are not here
        made = bare
    return replace(made, sample_id=row["sample_id"], dedup_key=row["dedup_key"])


def _read(row: Row) -> Row:
    return row | {name: json.loads(row[name]) if row[name] else None for name in _JSON}
