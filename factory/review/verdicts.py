"""A person's verdicts on samples, as rows of the store: accept, reject with a reason, edit, undo.

Promise: nothing is changed or removed. A verdict is a new row that wins over earlier ones of people and over
those of checks; an edited sample is a new sample whose parent is the old one, and what follows from the
edited text (results, conversation) is computed again; undo is a row too, and restores the earlier
verdict. An edit is stored with what the checks say of it, and against them only where the person has seen
that; `seen`, where it is given, is the last of people's verdicts that the person saw, so that nothing is said
of what another window changed. The workspace is held only while a row is written.
"""

from collections.abc import Collection
from typing import Any

from factory.errors import InputError
from factory.review.beside import stored_row
from factory.review.judging import EditJudge, Judged
from factory.store.store import Store, now
from factory.system.digest import content_id
from factory.text.reasons import CODE, ReasonCode, sentence
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


class Overruled(InputError):
    """The checks reject an edit, and the person did not say that they are overruled."""

    def __init__(self, judged: Judged):
        said = [f"{row['check_name']}: {sentence(row['reason'])}" for row in judged.failed]
        super().__init__(f"the edit is rejected by {'; '.join(said)}", "Correct it, or overrule the checks.")
        self.judged = judged


class Outdated(InputError):
    """Somebody judged or edited the sample since it was shown."""


class Verdicts:
    """Writer of a person's verdicts into a workspace's store."""

    def __init__(self, workspace: Workspace, judge: EditJudge | None = None):
        self._workspace, self._judge = workspace, judge or EditJudge(workspace)

    def judge(self, sample_id: str, *, passed: bool, reason: str, note: str, seen: str | None = None) -> None:
        """Accept, or reject with a reason code of lower-case letters, digits and underscores."""
        if not passed and (not CODE.fullmatch(reason) or reason in ("ok", "edited", "withdrawn")):
            raise InputError(
                "a reason is made of lower-case letters, digits and underscores, such as wrong_answer"
            )
        if len(note) > LONGEST_NOTE:
            raise InputError(f"the note is longer than {LONGEST_NOTE} characters")
        with self._workspace.lock(), self._opened() as store:
            _require_current(store, sample_id, seen)
            store.commit(verdicts=[_row(store, sample_id, passed, "ok" if passed else reason, note)])

    def edit(
        self,
        sample_id: str,
        changes: dict[str, str],
        overruled: Collection[str] = (),
        seen: str | None = None,
    ) -> str:
        """Put an edited copy in a sample's place and return its id. InputError if the change is invalid,
        `Overruled` if a check rejects it that is not among those `overruled`."""
        with self._workspace.lock(), self._opened() as store:
            old = _require_current(store, sample_id, seen)
            judged = self._judge.judge(store.query, sample_id, changes)
            if any(row["check_name"] not in overruled for row in judged.failed):
                raise Overruled(judged)
            against = ", ".join(f"{row['check_name']} ({row['reason']})" for row in judged.failed)
            new = judged.edit.row
            new |= {"parents": [sample_id], "edited_from": old["edited_from"] or sample_id}
            new["sample_id"] = content_id(
                {"edited": sample_id, "to": {name: new[name] for name in changes}, "at": now().isoformat()}
            )
            store.commit(
                samples=[new],
                verdicts=[
                    _row(store, sample_id, False, "edited", ""),
                    *(row | {"sample_id": new["sample_id"]} for row in judged.verdicts),
                    _row(store, new["sample_id"], True, "ok", f"overrules {against}" if against else ""),
                ],
            )
            return str(new["sample_id"])

    def undo(self, sample_id: str, seen: str | None = None) -> str:
        """Undo the last verdict on a sample, or the edit that made it; return the id of the sample that
        is current now."""
        with self._workspace.lock(), self._opened() as store:
            row = stored_row(store.query, sample_id)
            _require_seen(store, sample_id, seen)
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


def _require_current(store: Store, sample_id: str, seen: str | None) -> dict[str, Any]:
    """Return the row of a sample that stands for itself; InputError if another one stands in its place."""
    row = stored_row(store.query, sample_id)
    _require_seen(store, sample_id, seen)
    standing = _standing(store, sample_id)
    if standing and standing[-1]["reason"] == "edited":
        raise Outdated("this sample was edited, and the edited one stands in its place: undo the edit first")
    return row


def _require_seen(store: Store, sample_id: str, seen: str | None) -> None:
    verdicts = _verdicts(store, sample_id)
    if seen is not None and seen != (verdicts[-1]["check_key"] if verdicts else ""):
        raise Outdated("somebody else judged this sample meanwhile: look at it again")


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
