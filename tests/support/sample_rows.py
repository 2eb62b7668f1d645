"""Rows of a small store, as a finished run would leave them, and workspaces that hold them. What is said in
them is invented."""

import hashlib
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from factory.store.store import Store
from factory.workspace import Workspace

Rows = dict[str, list[dict[str, Any]]]

AT = datetime(2025, 11, 24, 3, 0, 0)
CHECKS = ["schema:1", "execution:1"]
# A sample may say anything: drive a terminal, close a markup, start a formula, hide or turn its text.
EVIL = '=HYPERLINK("http://x")\x1b]0;owned\x07\x1b[31m[/nope][bold]\u202eabc\u0000'


def log_rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Return rows of `training_log`, the plainest table."""
    return [
        {"artifact_id": "b2:a", "stage": "sft", "step": step, "metric": "loss", "value": step / 8}
        for step in range(start, start + count)
    ]


def generation(key: str, text: str = "14 * 12", **changed: Any) -> dict[str, Any]:
    """Return one row of `generations`."""
    row = {
        "request_key": key,
        "teacher": "teacher-a",
        "revision": "r1",
        "template_digest": "b2:t",
        "messages": [{"role": "user", "content": text}],
        "parameters": {"temperature": 0.8},
        "text": text,
        "finish_reason": "stop",
        "error": None,
        "prompt_tokens": 8,
        "completion_tokens": 2,
        "token_ids": [5, 6],
        "token_logprobs": [-0.5, -0.25],
        "topk_ids": [[5, 7], [6, 8]],
        "topk_logprobs": [[-0.5, -1.5], [-0.25, -2.25]],
        "attempts": 1,
        "seconds": 0.5,
        "finished_at": AT,
    }
    return row | changed


def finished() -> Rows:
    """Return a run of three samples, of which the last is rejected, and a model that learnt from the
    first."""
    questions = ["How much is 14 times 12?", "Add 19 and 27.", EVIL]
    rows: Rows = {
        "runs": [
            {
                "run_id": "b2:run", "started_at": AT, "command": "factory run", "recipe_name": "tiny",
                "recipe_digest": "b2:r",
                "recipe_text": "name: tiny\n", "plan_id": "b2:plan", "check_keys": CHECKS, "target_count": 10,
                "machine": {"cores": 2}, "versions": {},
            }
        ],
        "seeds": [
            {
                "seed_id": "b2:seed", "name": "s1", "language": "en", "family": "product",
                "question": questions[0],
                "input": "", "rationale": "", "reference": "14 * 12", "source": "seeds.jsonl", "line": 1,
            }
        ],
        "plan_ends": [
            {"plan_id": "b2:plan", "target_id": "b2:t", "reason": "10 samples are accepted", "accepted": 2,
                "requests": 3, "tokens": 30}
        ],
        "plan_items": [], "generations": [], "attempts": [], "samples": [], "verdicts": [],
        "artifacts": [
            {
                "artifact_id": "b2:model", "kind": "model", "name": "base", "path": "base", "digest": "b2:d",
                "weight_bytes": 1,
                "parents": [], "about": {},
            }
        ],
        "artifact_samples": [{"artifact_id": "b2:model", "sample_id": "b2:sample0", "role": "train"}],
        "evaluations": [
            {
                "evaluation_id": "b2:e", "artifact_id": "b2:model", "role": "base",
                "metric": "answer_accuracy", "value": 0.5,
                "low": 0.4, "high": 0.6, "n": 10,
            }
        ],
        "training_log": log_rows(3),
    }  # fmt: skip
    for place, question in enumerate(questions):
        key, sample = f"b2:key{place}", f"b2:sample{place}"
        where = {"seed_id": "b2:seed", "task_id": f"b2:task{place}"}
        about = where | {
            "language": "en",
            "family": "product",
            "question": question,
            "input": "",
            "reference": "14 * 12",
        }
        asked = where | {"language": "en", "question": question, "reference": "14 * 12"}
        rows["plan_items"].append(
            {"plan_id": "b2:plan", "position": place, "request_key": key, "draw": 0, **asked}
        )
        rows["generations"].append(generation(key))
        rows["attempts"].append(
            {
                "request_key": key,
                "attempt": 1,
                "endpoint": "http://127.0.0.1:8000/v1",
                "outcome": "ok",
                "seconds": 0.5,
                "sent_at": AT,
            }
        )
        rows["samples"].append(
            about
            | {
                "sample_id": sample, "request_key": key, "kind": "tool_call", "messages": [], "tools": [],
                "call": {"name": "calculate"},
                "fault": None, "result": "168", "rationale": None, "answer": "168", "dedup_key": "b2:same",
                "parents": ["b2:seed"],
            }
        )  # fmt: skip
        for check in CHECKS:
            passed = place < 2 or check != "execution:1"
            rows["verdicts"].append(
                {
                    "sample_id": sample, "check_key": check, "check_name": check[:-2], "passed": passed,
                    "reason": "ok" if passed else "wrong_result", "score": None,
                    "detail": None if passed else EVIL,
                }
            )  # fmt: skip
    return rows


def open_store(workspace: Workspace) -> Store:
    """Open the store of a workspace for writing; where there is none yet, a copy of an empty one, which costs
    a third of the migrations."""
    if workspace.root.is_dir() and not workspace.store.exists() and not workspace.ledger.path.exists():
        _write(workspace, _made())
    return Store(workspace.store, workspace.ledger)


def make_workspace(root: Path, *batches: Rows) -> Workspace:
    """Make a workspace whose store holds the batches, or else the finished run."""
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    if not batches:
        _write(workspace, _made(with_run=True))
        return workspace
    with open_store(workspace) as store:
        for batch in batches:
            store.commit(**batch)
    return workspace


@cache
def _made(*, with_run: bool = False) -> dict[str, bytes]:
    """Return the files of a store, made once a process: of an empty one, or of the finished run's."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        if with_run:
            _write(workspace, _made())
        with Store(workspace.store, workspace.ledger) as store:
            if with_run:
                store.commit(**finished())
        # The store is closed: to read the file of an open one would drop DuckDB's lock on it.
        return {path.name: path.read_bytes() for path in workspace.root.iterdir()}


def _write(workspace: Workspace, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (workspace.root / name).write_bytes(content)


def digests(folder: Path) -> dict[str, str]:
    """Return what lies in a folder: the digest of each file by name, and nothing for each folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in folder.rglob("*")
    }
