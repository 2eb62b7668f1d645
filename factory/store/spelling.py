"""Names in the ledger: tables, columns and codes as the first schemas called them.

Promise: a digest is one of a row in its first words, so that an entry of the ledger holds whatever a
migration renames. A migration that renames something adds its first word here. Digests of stores that were
not migrated yet come out the same.
"""

from collections.abc import Sequence

_TABLES = {"plan_items": "requests"}
_COLUMNS = {
    "runs": {"target_count": "wanted"},
    "samples": {"dedup_key": "content_id"},
    "gates": {"baseline_id": "against", "accuracy_drop": "lost", "max_accuracy_drop": "most_lost"},
}
_CODES = {
    ("evaluations", "role"): ("student_recovered", "student_repaired"),
    ("stages", "stage"): ("recover", "repair"),
    ("training_log", "stage"): ("recover", "repair"),
    ("artifact_samples", "role"): ("validation", "watch"),
}


def first_word(table: str) -> str:
    """Return what the ledger calls a table of the store."""
    return _TABLES.get(table, table)


def present_word(table: str) -> str:
    """Return what the store calls a table of the ledger, once it is migrated."""
    return next((now for now, first in _TABLES.items() if first == table), table)


def spelled(table: str, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns of a table that count, in order: the name of each in the ledger, and its value as
    SQL."""
    return [
        (_COLUMNS.get(table, {}).get(column, column), _value(table, column, columns)) for column in columns
    ]


def _value(table: str, column: str, columns: Sequence[str]) -> str:
    if words := _CODES.get((table, column)):
        now, first = words
        return f"if(\"{column}\" = '{now}', '{first}', \"{column}\")"
    # An undo without a note of its own was a note; what it undoes counts where it could not be one.
    if table == "verdicts" and "undoes" in columns:
        if column == "detail":
            return "coalesce(detail, 'undo of ' || undoes)"
        if column == "undoes":
            return "if(detail IS NULL, NULL, undoes)"
    return f'"{column}"'
