"""Rows of the store made of what a scheduler brings, committed in small batches.

Promise: a kill costs at most the answers of the last `BATCH_SECONDS`. What is in the store already stays as
it is.
"""

import time
from typing import Any

from factory.context.plan import Plan
from factory.generate.scheduler import InFlight, Update
from factory.inference.request import Answer, Request
from factory.store.store import Store, now
from factory.system.process import uninterrupted
from factory.tasks.sample import Sample

# A commit takes tens of milliseconds in which the teacher waits, however few its rows.
BATCH_ROWS, BATCH_SECONDS = 1024, 3.0
TABLES = ("generations", "attempts", "requests", "turns", "samples", "verdicts")


class Writer:
    """Gathers what a scheduler brings and commits it in small batches; what is in the store already stays as
    it is."""

    def __init__(self, plan: Plan, store: Store):
        self._plan, self._store = plan, store
        self._places = {
            row["position"]
            for row in store.query("SELECT position FROM requests WHERE plan_id = ?", [plan.plan_id])
        }
        self._samples = {row["sample_id"] for row in store.query("SELECT sample_id FROM samples")}
        self._verdicts = {
            (row["sample_id"], row["check_key"])
            for row in store.query(
                "SELECT sample_id, check_key FROM verdicts WHERE list_contains(?, check_key)",
                [plan.suite().keys],
            )
        }
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._flushed = time.monotonic()

    def take(self, update: Update) -> None:
        """Take the scheduler's update, and commit if enough has come together."""
        for running, request, answer in update.answered:
            self._rows["generations"].append(_generation_row(self._plan, running, request, answer))
            self._rows["attempts"] += _attempt_rows(answer)
        for running, sample in update.finished:
            if running.position not in self._places:
                self._places.add(running.position)
                place = {"plan_id": self._plan.plan_id, "position": running.position}
                self._rows["requests"].append(place | _request_row(running, sample))
                if len(running.keys) > 1:
                    self._rows["turns"] += [
                        place | {"turn": turn, "request_key": key} for turn, key in enumerate(running.keys)
                    ]
            if sample.sample_id not in self._samples:
                self._samples.add(sample.sample_id)
                self._rows["samples"].append(_sample_row(self._plan, sample))
        for checked in update.judged:
            for verdict in checked.verdicts:
                if (verdict["sample_id"], verdict["check_key"]) not in self._verdicts:
                    self._verdicts.add((verdict["sample_id"], verdict["check_key"]))
                    self._rows["verdicts"].append(verdict)
        if (
            sum(map(len, self._rows.values())) >= BATCH_ROWS
            or time.monotonic() - self._flushed > BATCH_SECONDS
        ):
            self.flush()

    def flush(self) -> None:
        """Commit everything that was taken."""
        # An interrupt in the middle would lose the rows, or bring them twice.
        with uninterrupted():
            self._store.commit(**self._rows)
            for rows in self._rows.values():
                rows.clear()
        self._flushed = time.monotonic()


def _generation_row(plan: Plan, running: InFlight, request: Request, answer: Answer) -> dict[str, Any]:
    sampling = request.sampling
    return {
        "request_key": answer.key,
        "teacher": plan.run.teacher.name,
        "revision": plan.run.teacher.revision,
        "template_digest": plan.kind.template_digest,
        "messages": request.messages,
        "parameters": {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "logprobs": sampling.logprobs,
            "seed": request.seed,
            "draw": running.draw,
        },
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "error": answer.error,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "token_ids": answer.token_ids,
        "token_logprobs": answer.token_logprobs,
        "topk_ids": answer.topk_ids,
        "topk_logprobs": answer.topk_logprobs,
        "attempts": max(1, len(answer.attempts)),
        "seconds": answer.seconds,
        "finished_at": now(),
    }


def _attempt_rows(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "request_key": answer.key,
            "attempt": number,
            "endpoint": attempt.endpoint,
            "outcome": attempt.outcome,
            "seconds": attempt.seconds,
            "sent_at": attempt.sent_at,
        }
        for number, attempt in enumerate(answer.attempts, 1)
    ]


def _request_row(running: InFlight, sample: Sample) -> dict[str, Any]:
    return {
        "request_key": sample.request_key,
        "sample_id": sample.sample_id,
        "seed_id": running.task.seed_id,
        "task_id": running.task.task_id,
        "draw": running.draw,
        "language": running.task.language,
        "question": running.task.question,
        "reference": running.task.reference,
    }


def _sample_row(plan: Plan, sample: Sample) -> dict[str, Any]:
    return {
        "sample_id": sample.sample_id,
        "request_key": sample.request_key,
        "seed_id": sample.task.seed_id,
        "task_id": sample.task.task_id,
        "kind": plan.run.loaded.recipe.data.kind,
        "language": sample.task.language,
        "family": sample.task.family,
        "question": sample.task.question,
        "input": sample.task.input,
        "reference": sample.task.reference,
        "messages": sample.messages,
        "tools": [tool.model_dump() for tool in plan.tools],
        "call": sample.call,
        "fault": sample.fault,
        "result": sample.result,
        "rationale": sample.rationale,
        "answer": sample.answer,
        "content_id": sample.content_id,
        "parents": [
            sample.task.seed_id,
            *(parent for parent in sample.task.parents if parent != sample.task.seed_id),
        ],
    }
