"""Preference pairs: an accepted answer beside a rejected one to the same task, and why it was rejected."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.export_stores import call_messages, make_store, read_lines, sample, store_rows
from tests.support.sample_rows import Rows, make_workspace

QUESTION = "How much is 3 times 12?"


def draws(count: int, task: int, seed: str, **changed: Any) -> list[dict[str, Any]]:
    """Return answers to one task, each with another result."""
    return [
        sample(
            10 * task + place, seed, task_id=f"b2:task{task}", question=QUESTION,
            messages=call_messages(QUESTION, {"expression": f"{place} + 1"}, str(place + 1)), **changed,
        )
        for place in range(count)
    ]  # fmt: skip


def rejected(found: Rows, samples: list[str], check: str = "execution", reason: str = "wrong_result") -> Rows:
    """Have a check reject these samples."""
    for verdict in found["verdicts"]:
        if verdict["sample_id"] in samples and verdict["check_name"] == check:
            verdict |= {"passed": False, "reason": reason}
    return found


def exported(workspace: Workspace, target: Path, *more: str) -> tuple[int, str]:
    done = typed(
        "export", "-w", workspace.root, "--format", "jsonl", "--shape", "preference", "-o", target, *more
    )
    return done.returncode, done.stdout + done.stderr


def test_a_pair_has_both_answers_and_the_reason(tmp_path: Path) -> None:
    found = rejected(store_rows(draws(3, 1, "b2:s1")), ["b2:sample11", "b2:sample12"])
    code, told = exported(make_workspace(tmp_path / "w", found), tmp_path / "out")
    assert (code, told) == (0, f"{tmp_path / 'out'}/train.jsonl\ntrain: 2 pairs\n")
    first, second = read_lines(tmp_path / "out" / "train.jsonl")
    assert first["prompt"] == [{"role": "user", "content": QUESTION}]
    assert first["chosen"][0]["tool_calls"][0]["function"]["arguments"] == '{"expression": "0 + 1"}'
    assert (first["chosen_id"], first["rejected_id"]) == ("b2:sample10", "b2:sample11")
    assert first["reasons"] == [{"check": "execution", "reason": "wrong_result"}]
    assert (
        second["rejected_id"] == "b2:sample12" and second["chosen"] == first["chosen"] != second["rejected"]
    )


def test_the_card_counts_them_and_can_be_pushed(tmp_path: Path) -> None:
    found = rejected(store_rows(draws(3, 1, "b2:s1")), ["b2:sample11"])
    exported(make_workspace(tmp_path / "w", found), tmp_path / "out", "--licence", "CC-BY-4.0")
    card = DatasetCard.load(tmp_path / "out" / "README.md")
    assert card.data.license == "cc-by-4.0" and "preference" in card.data.tags
    assert "| `execution` | `wrong_result` | the result differs from the reference | 1 |" in card.text
    assert typed("push", tmp_path / "out", "me/pairs", "--dry-run").returncode == 0


def test_an_answer_out_of_which_nothing_was_read_stands_as_the_teacher_wrote_it(tmp_path: Path) -> None:
    samples = draws(2, 1, "b2:s1")
    samples[1] |= {"messages": None, "fault": "not_json"}
    found = rejected(store_rows(samples), ["b2:sample11"], "schema", "not_json")
    exported(make_workspace(tmp_path / "w", found), tmp_path / "pairs.jsonl")
    (pair,) = read_lines(tmp_path / "pairs.jsonl")
    assert pair["rejected"] == [{"role": "assistant", "content": "14 * 12"}]


def _no_pair(folder: Path, samples: list[dict[str, Any]], *more: str) -> str:
    code, told = exported(make_store(folder / "w", samples, rejected=1), folder / "out", *more)
    assert code == 1 and not (folder / "out").exists()
    return told


def test_where_no_task_has_both_it_is_said(tmp_path: Path) -> None:
    told = _no_pair(tmp_path, [*draws(1, 1, "b2:s1"), *draws(1, 2, "b2:s2")])
    assert "there are no pairs" in told and "samples_per_prompt" in told


def test_the_same_answer_is_no_pair(tmp_path: Path) -> None:
    one, other = draws(2, 1, "b2:s1")
    _no_pair(tmp_path, [one, other | {"messages": one["messages"]}])


def test_a_likeness_to_another_sample_makes_no_answer_worse(tmp_path: Path) -> None:
    found = store_rows(draws(2, 1, "b2:s1"))
    for verdict in found["verdicts"]:
        if verdict["check_name"] == "execution":
            verdict |= {"check_name": "dedup", "check_key": "dedup:1"}
    found["runs"][0]["check_keys"] = ["schema:1", "dedup:1"]
    found = rejected(found, ["b2:sample11"], "dedup", "exact_duplicate")
    code, told = exported(make_workspace(tmp_path / "w", found), tmp_path / "out")
    assert code == 1 and "there are no pairs" in told


def test_splits_are_by_seed(tmp_path: Path) -> None:
    samples = [one for task in range(20) for one in draws(2, task, f"b2:s{task}")]
    found = rejected(store_rows(samples), [f"b2:sample{10 * task + 1}" for task in range(20)])
    code, told = exported(make_workspace(tmp_path / "w", found), tmp_path / "out", "--validation", "0.4")
    assert code == 0, told
    seeds = [
        {row["seed_id"] for row in read_lines(tmp_path / "out" / f"{split}.jsonl")}
        for split in ("train", "validation")
    ]
    assert sum(map(len, seeds)) == 20 and not seeds[0] & seeds[1]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--format", "parquet"], "--format jsonl alone"),
        (["--validation", "0.1", "-o", "x.jsonl"], "one file, but --validation writes two"),
        (["--licence", "a b"], "SPDX"),
    ],
)
def test_what_cannot_be_carried_out_is_said(tmp_path: Path, more: list[str], why: str) -> None:
    workspace = make_store(tmp_path / "w", draws(2, 1, "b2:s1"), rejected=1)
    code, told = exported(workspace, tmp_path / "out", *more)
    assert code == 2 and why in told
