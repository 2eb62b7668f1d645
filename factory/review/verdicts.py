"""A person's verdicts on samples, as rows of the store: accept, reject with a reason, edit, undo.

Promise: nothing is changed or removed. A verdict is a new row that wins over earlier ones of people and over
those of checks; an edited sample is a new sample whose parent is the old one, and what follows from the
edited text (results, conversation) is computed again; undo is a row too, and restores the earlier
verdict. The workspace is held only while a row is written.
"""

import json
from typing import Any

from factory.errors import InputError
from factory.review.edit import edited
from factory.store.store import Store, now
from factory.system.digest import content_id
from factory.text.reasons import CODE, ReasonCode
from factory.workspace import Workspace

PERSON = "person"
# What the page proposes to a person who rejects; any other code will do.
SUGGESTED: tuple[ReasonCode, ...] = (
    "wrong_answer",
    "wrong_reasoning",
    "unclear_question",
    "bad_language",
    "unsafe",
    "off_task",
)
LONGEST_NOTE = 2000  # characters


class Verdicts:
    """Writer of a person's verdicts into a workspace's store."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace

    def judge(self, sample_id: str, *, passed: bool, reason: str, note: str) -> None:
        """Accept, or reject with a reason code of lower-case letters, digits and underscores."""
        if not passed and (not CODE.fullmatch(reason) or reason in ("ok", "edited", "withdrawn")):
            raise InputError(
                "a reason is made of lower-case letters, digits and underscores, such as wrong_answer"
            )
        if len(note) > LONGEST_NOTE:
            raise InputError(f"the note is longer than {LONGEST_NOTE} characters")
        with self._workspace.lock(), self._opened() as store:
            _sample(store, sample_id)
            store.commit(verdicts=[_row(store, sample_id, passed, "ok" if passed else reason, note)])

    def edit(self, sample_id: str, changes: dict[str, str]) -> str:
        """Put an edited copy in a sample's place and return its id; InputError if the
        change is invalid."""
        with self._workspace.lock(), self._opened() as store:
            old = _sample(store, sample_id)
            new = edited(old, changes, self._workspace.prompts)
            new |= {"parents": [sample_id], "edited_from": old["edited_from"] or sample_id}
            new["sample_id"] = content_id(
                {"edited": sample_id, "to": {name: new[name] for name in changes}, "at": now().isoformat()}
            )
            store.commit(
                samples=[new],
                verdicts=[
                    _row(store, sample_id, False, "edited", ""),
                    _row(store, new["sample_id"], True, "ok", ""),
                ],
            )
            return str(new["sample_id"])

    def undo(self, sample_id: str) -> str:
        """Undo the last verdict on a sample, or the edit that made it; return the id of the sample that
        is current now."""
        with self._workspace.lock(), self._opened() as store:
            row = _sample(store, sample_id)
            verdicts = _standing(store, sample_id)
            if not verdicts:
                raise InputError("nothing to undo: this sample has no verdict or edit of a person")
            rows, current = [_undone(store, sample_id, verdicts)], sample_id
            if verdicts[-1]["reason"] == "edited":
                children = store.query(
                    "SELECT sample_id FROM samples WHERE edited_from IS NOT NULL AND list_contains(parents, "
                    "?)",
                    [sample_id],
                )
                for child in children:
                    if earlier := _standing(store, child["sample_id"]):
                        rows.append(_withdrawn(store, child["sample_id"], earlier[-1]))
            elif row["edited_from"] and len(verdicts) == 1:
                # The first verdict on an edited sample is the edit itself: the original is current again.
                current = row["parents"][0]
                if earlier := _standing(store, current):
                    rows.append(_undone(store, current, earlier))
            store.commit(verdicts=rows)
            return str(current)

    def _opened(self) -> Store:
        return Store(self._workspace.existing().store, self._workspace.ledger)


def _sample(store: Store, sample_id: str) -> dict[str, Any]:
    rows = store.query("SELECT * EXCLUDE (batch) FROM samples WHERE sample_id = ?", [sample_id])
    if not rows:
        raise InputError("there is no such sample in the store")
    return rows[0] | {
        name: json.loads(rows[0][name]) if rows[0][name] else None
        for name in ("messages", "tools", "call", "form", "origins")
    }


def _verdicts(store: Store, sample_id: str) -> list[dict[str, Any]]:
    return store.query(
        "SELECT check_key, passed, reason, detail, undoes FROM verdicts WHERE sample_id = ? AND check_name = "
        "? ORDER BY check_key",
        [sample_id, PERSON],
    )


def _standing(store: Store, sample_id: str) -> list[dict[str, Any]]:
    """Return the verdicts of people on a sample that were not undone, the last at the end."""
    standing: list[dict[str, Any]] = []
    for row in _verdicts(store, sample_id):
        if row["undoes"]:
            standing = [verdict for verdict in standing if verdict["check_key"] != row["undoes"]]
        else:
            standing.append(row)
    return standing


def _undone(store: Store, sample_id: str, verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row that undoes the last of `verdicts`: the one before counts again, with its note."""
    if len(verdicts) == 1:
        return _withdrawn(store, sample_id, verdicts[-1])
    last, before = verdicts[-1], verdicts[-2]
    row = _row(store, sample_id, before["passed"], before["reason"], before["detail"] or "")
    return row | {"undoes": last["check_key"]}


def _withdrawn(store: Store, sample_id: str, verdict: dict[str, Any]) -> dict[str, Any]:
    return _row(store, sample_id, False, "withdrawn", "") | {"undoes": verdict["check_key"]}


def _row(store: Store, sample_id: str, passed: bool, reason: str, note: str) -> dict[str, Any]:
    return {
        "sample_id": sample_id,
        "check_key": f"{PERSON}:{len(_verdicts(store, sample_id)):06}",
        "check_name": PERSON,
        "passed": passed,
        "reason": reason,
        "score": None,
        "detail": note or None,
        "judged_at": now(),
    }
