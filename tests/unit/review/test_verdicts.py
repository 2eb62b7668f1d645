"""What a person says of samples becomes rows that win, can be undone, and are never lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import FactoryError, InputError
from factory.review.edit import edited
from factory.review.verdicts import Verdicts
from factory.store.store import Store
from factory.workspace import Workspace
from tests.support.review_workspace import reviewed, training

FIRST, SECOND, REJECTED = "b2:sample0", "b2:sample1", "b2:sample3"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return reviewed(tmp_path)


@pytest.fixture
def verdicts(workspace: Workspace) -> Verdicts:
    return Verdicts(workspace)


def ids(workspace: Workspace) -> list[str]:
    return [row["sample_id"] for row in training(workspace)]


def said(workspace: Workspace, sample_id: str) -> list[tuple[bool, str, str | None, str | None]]:
    with Store(workspace.store, workspace.ledger) as store:
        rows = store.query(
            "SELECT passed, reason, detail, undoes, judged_at FROM verdicts "
            "WHERE check_name = 'person' AND sample_id = ? ORDER BY check_key",
            [sample_id],
        )
    assert all(row["judged_at"] for row in rows)
    return [(row["passed"], row["reason"], row["detail"], row["undoes"]) for row in rows]


def test_a_verdict_wins_and_undo_brings_back_what_was_said_before(
    workspace: Workspace, verdicts: Verdicts
) -> None:
    verdicts.judge(FIRST, passed=False, reason="unclear", note="which two?")
    verdicts.judge(REJECTED, passed=True, reason="ok", note="")
    assert ids(workspace) == [SECOND, "b2:sample2", REJECTED]
    verdicts.judge(FIRST, passed=True, reason="ok", note="")
    assert FIRST in ids(workspace)
    verdicts.undo(FIRST)
    assert FIRST not in ids(workspace), "rejected again"
    verdicts.undo(FIRST)
    assert FIRST in ids(workspace), "the checks' own"
    assert said(workspace, FIRST) == [
        (False, "unclear", "which two?", None),
        (True, "ok", None, None),
        (False, "unclear", "which two?", "person:000001"),
        (False, "withdrawn", None, "person:000000"),
    ]
    with pytest.raises(InputError, match="nothing to undo"):
        verdicts.undo(FIRST)


def test_a_note_that_reads_like_an_undo_is_a_note(workspace: Workspace, verdicts: Verdicts) -> None:
    verdicts.judge(FIRST, passed=True, reason="ok", note="")
    verdicts.judge(FIRST, passed=False, reason="unclear", note="undo of person:000000")
    assert FIRST not in ids(workspace)
    verdicts.undo(FIRST)
    assert FIRST in ids(workspace)
    assert said(workspace, FIRST)[-1] == (True, "ok", None, "person:000001"), "the first word counts again"
    verdicts.undo(FIRST)
    assert said(workspace, FIRST)[-1] == (False, "withdrawn", None, "person:000000")


def test_an_edited_call_is_carried_out_again_and_stands_in_the_old_place(
    workspace: Workspace, verdicts: Verdicts
) -> None:
    new = verdicts.edit(REJECTED, {"call": '{"name": "calculator", "arguments": {"expression": "7 + 8"}}'})
    row = training(workspace)[-1]
    assert (row["sample_id"], row["position"], row["result"], row["answer"]) == (
        new,
        3,
        "15",
        "The answer is 15.",
    )
    assert [message["role"] for message in json.loads(row["messages"])] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    with Store(workspace.store, workspace.ledger) as store:
        (kept,) = store.query("SELECT parents, edited_from FROM samples WHERE sample_id = ?", [new])
        assert kept == {"parents": [REJECTED], "edited_from": REJECTED}
        assert store.query("SELECT reason FROM person_verdicts WHERE sample_id = ?", [REJECTED]) == [
            {"reason": "edited"}
        ]


def test_undoing_an_edit_brings_the_old_sample_back(workspace: Workspace, verdicts: Verdicts) -> None:
    before = training(workspace)
    new = verdicts.edit(FIRST, {"question": "How much is 2 + 3?"}, ["edit"])
    assert training(workspace)[0]["question"] == "How much is 2 + 3?"
    assert verdicts.undo(new) == FIRST
    assert training(workspace) == before
    again = verdicts.edit(FIRST, {"question": "And 2 + 3?"}, ["edit"])
    newest = verdicts.edit(again, {"question": "And then 2 + 3?"}, ["edit"])
    assert ids(workspace)[0] == newest
    assert verdicts.undo(newest) == again
    assert ids(workspace)[0] == again
    assert verdicts.undo(FIRST) == FIRST, "from the old one's side"
    assert training(workspace) == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"call": "{"}, "no JSON"),
        ({"call": '{"name": "calculator", "arguments": {"expression": "1 / 0"}}'}, "tool_error"),
        ({"call": '{"name": "shell", "arguments": {}}'}, "unknown_tool"),
        ({"call": '{"name": "calculator", "arguments": {}}'}, "missing_argument"),
        ({"call": '[{"name": "calculator"}]'}, "list of steps"),
        ({"question": "  "}, "question is empty"),
        ({"question": "What is 2 + 3?"}, "nothing was changed"),
        ({"question": "a\ud800"}, "unpaired surrogate"),
        ({"question": "a" * 20_001}, "more than 20000 characters"),
        ({"result": "6"}, "derived from other fields"),
        ({"reference": "2 +"}, "2 \\+ has no result"),
        ({"reference": "[[{"}, "reference is no JSON"),
        ({"reference": '[["calculator"]]'}, "list of steps"),
        ({"reference": '[[{"name": "shell", "arguments": {}}]]'}, "calls shell"),
    ],
)
def test_an_edit_that_makes_no_sound_sample_is_refused_and_nothing_is_written(
    workspace: Workspace, verdicts: Verdicts, changes: dict[str, str], why: str
) -> None:
    before = training(workspace)
    with pytest.raises(InputError, match=why):
        verdicts.edit(FIRST, changes)
    assert training(workspace) == before
    assert said(workspace, FIRST) == []


ROW: dict[str, Any] = {
    "seed_id": "s", "language": "en", "family": "f", "question": "Q?", "reference": "", "input": "",
    "request_key": "k", "tools": [],
    "call": None, "result": None, "rationale": None, "answer": "A.", "messages": None,
}  # fmt: skip


def test_rationales_and_instructions_are_put_together_anew() -> None:
    made = edited(
        ROW | {"kind": "rationale", "rationale": "because"},
        {"rationale": "2 and 2 make 4.", "answer": "4"},
        None,
    ).row
    assert (made["rationale"], made["answer"]) == ("2 and 2 make 4.", "4")
    assert made["messages"][-1] == {"role": "assistant", "content": "2 and 2 make 4.\nAnswer: 4"}
    made = edited(
        ROW | {"kind": "instruction"}, {"input": "some text", "question": "Shorten the text."}, None
    ).row
    assert "some text" in made["messages"][0]["content"]
    assert made["messages"][1]["content"] == "A."


def test_steps_are_played_again(workspace: Workspace) -> None:
    with Store(workspace.store, workspace.ledger) as store:
        (row,) = store.query("SELECT tools FROM samples WHERE sample_id = ?", [FIRST])
    steps = [[{"name": "calculator", "arguments": {"expression": one}}] for one in ("2 + 3", "5 * 4")]
    old = ROW | {
        "kind": "tool_call",
        "tools": json.loads(row["tools"]),
        "call": [],
        "answer": "I do not know.",
    }
    made = edited(old, {"call": json.dumps(steps)}, None).row
    assert (made["result"], made["answer"]) == ('[["5"],["20"]]', "The answer is 20.")
    plain = edited(old, {"answer": "A poem."}, None).row
    assert [message["content"] for message in plain["messages"]] == ["Q?", "A poem."]
    with pytest.raises(InputError, match="too_many_steps"):
        edited(old, {"call": json.dumps(steps * 3)}, None)


def test_who_is_busy_is_told(workspace: Workspace, verdicts: Verdicts) -> None:
    with workspace.lock(), pytest.raises(FactoryError, match="busy"):
        verdicts.judge(FIRST, passed=True, reason="ok", note="")
    assert said(workspace, FIRST) == []


@pytest.mark.parametrize("reason", ["", "ok", "edited", "withdrawn", "Two words", "a" * 61])
def test_a_reason_is_a_code(verdicts: Verdicts, reason: str) -> None:
    with pytest.raises(InputError, match="lower-case"):
        verdicts.judge(FIRST, passed=False, reason=reason, note="")


def test_a_sample_that_is_not_there(verdicts: Verdicts) -> None:
    for work in (lambda: verdicts.undo("x"), lambda: verdicts.edit("x", {"question": "a"})):
        with pytest.raises(InputError, match="no such sample"):
            work()


def test_what_another_window_changed_is_not_judged(workspace: Workspace, verdicts: Verdicts) -> None:
    """Each of two windows shows the sample as it was when the window read it."""
    verdicts.judge(FIRST, passed=False, reason="unclear", note="", seen="")
    for work in (
        lambda: verdicts.judge(FIRST, passed=True, reason="ok", note="", seen=""),
        lambda: verdicts.undo(FIRST, seen=""),
        lambda: verdicts.edit(FIRST, {"question": "2 + 3?"}, ["edit"], seen=""),
    ):
        with pytest.raises(InputError, match="somebody else judged"):
            work()
    assert [row[1] for row in said(workspace, FIRST)] == ["unclear"]
    verdicts.undo(FIRST, seen="person:000000")
    assert FIRST in ids(workspace)


def test_an_edited_sample_and_its_original_are_never_both_learnt(
    workspace: Workspace, verdicts: Verdicts
) -> None:
    new = verdicts.edit(FIRST, {"question": "And 2 + 3?"}, ["edit"])
    for work in (
        lambda: verdicts.judge(FIRST, passed=True, reason="ok", note=""),
        lambda: verdicts.judge(FIRST, passed=False, reason="unclear", note=""),
        lambda: verdicts.edit(FIRST, {"question": "2 + 3, then?"}, ["edit"]),
    ):
        with pytest.raises(InputError, match="undo the edit first"):
            work()
    assert new in ids(workspace) and FIRST not in ids(workspace)
    verdicts.undo(new)
    assert FIRST in ids(workspace) and new not in ids(workspace), "every check passed the edit too"
