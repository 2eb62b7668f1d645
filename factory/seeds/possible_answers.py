"""Possible answers of a BFCL file, which lie in a second file: `possible_answer/NAME` beside `NAME`.

Promise: a row of the questions gets the field `ground_truth` of the row with its id; other files, and rows
that nobody answered, stay as they are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from factory.errors import InputError
from factory.seeds.row import Row
from factory.seeds.text_file import line_rows, read_text

FOLDER, FIELD = "possible_answer", "ground_truth"


def with_possible_answers(rows: Iterable[Row], path: Path) -> Iterator[Row]:
    """Return the rows of a file with the answers that lie beside it."""
    beside = path.parent / FOLDER / path.name
    if not beside.is_file():
        yield from rows
        return
    answers = {}
    for row in line_rows(read_text(beside)):
        if row.fault or not isinstance(row.value, dict) or not {"id", FIELD} <= row.value.keys():
            raise InputError(f"{beside}:{row.line}: not an answer: {row.fault or 'id and ground_truth'}")
        answers[str(row.value["id"])] = row.value[FIELD]
    for row in rows:
        found = answers.get(str(row.value.get("id"))) if isinstance(row.value, dict) else None
        yield row if found is None else replace(row, value=row.value | {FIELD: found})
