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
from factory.tasks.conversation import answered
from factory.tasks.sample import Sample

# A commit takes tens of milliseconds in which the teacher waits, however few its rows. What follows from
# stored answers keeps no teacher waiting, and has to be looked up first.
BATCH_ROWS, BATCH_SECONDS = 1024, 3.0
REPLAYED_ROWS = 32768
TABLES = ("generations", "attempts", "plan_items", "turns", "samples", "verdicts")


class Writer:
    """Gathers what a scheduler brings and commits it in small batches; what is in the store already stays as
    it is. Memory: what waits to be committed, and the ids of samples that wait for their verdicts."""

    def __init__(self, plan: Plan, store: Store):
        self._plan, self._store = plan, store
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._finished: list[tuple[InFlight, Sample]] = []
        # Made of an answer that was given just now, so neither they nor their verdicts can be in the store.
        self._new: set[str] = set()
        self._flushed = time.monotonic()

    def take(self, update: Update) -> None:
        """Take the scheduler's update, and commit if enough has come together."""
        for running, request, answer in update.answered:
            self._rows["generations"].append(_generation_row(self._plan, running, request, answer))
            self._rows["attempts"] += _attempt_rows(answer)
        given = {answer.key for _, _, answer in update.answered}
        for running, sample in update.finished:
            self._finished.append((running, sample))
            if not given.isdisjoint(running.keys):
                self._new.add(sample.sample_id)
        for checked in update.judged:
            self._rows["verdicts"] += checked.verdicts
        if self._is_time():
            self.flush()

    def _is_time(self) -> bool:
        rows = sum(map(len, self._rows.values())) + 2 * len(self._finished)
        if not self._rows["generations"]:
            # What follows from stored answers costs little to lose, and more to look up.
            return rows >= REPLAYED_ROWS
        return rows >= BATCH_ROWS or time.monotonic() - self._flushed > BATCH_SECONDS

    def flush(self) -> None:
        """Commit everything that was taken and is not in the store."""
        # An interrupt in the middle would lose the rows, or bring them twice.
        with uninterrupted():
            self._place()
            judged = {row["sample_id"] for row in self._rows["verdicts"]}
            self._rows["verdicts"] = self._missing_verdicts(judged)
            self._store.commit(**self._rows)
            self._new -= judged
            for rows in self._rows.values():
                rows.clear()
            self._finished.clear()
        self._flushed = time.monotonic()

    def _place(self) -> None:
        """Make the rows of the samples that were finished, and of their places in the plan."""
        plan_id, places = self._plan.plan_id, [running.position for running, _ in self._finished]
        if not places:
            return
        there = {
            row["position"]
            for row in self._store.query(
                "SELECT position FROM plan_items WHERE plan_id = ? AND position BETWEEN ? AND ?",
                [plan_id, min(places), max(places)],
            )
        }
        stored = self._stored_samples({sample.sample_id for _, sample in self._finished})
        for running, sample in self._finished:
            if running.position not in there:
                place = {"plan_id": plan_id, "position": running.position}
                self._rows["plan_items"].append(place | _request_row(running, sample))
                if len(running.keys) > 1:
                    self._rows["turns"] += [
                        place | {"turn": turn, "request_key": key} for turn, key in enumerate(running.keys)
                    ]
            if sample.sample_id not in stored:
                stored.add(sample.sample_id)
                self._rows["samples"].append(_sample_row(self._plan, sample, running.keys))

    def _stored_samples(self, samples: set[str]) -> set[str]:
        rows = self._asked("SELECT sample_id FROM samples WHERE sample_id IN (SELECT unnest(?))", samples)
        return {row["sample_id"] for row in rows}

    def _missing_verdicts(self, samples: set[str]) -> list[dict[str, Any]]:
        rows = self._asked(
            "SELECT sample_id, check_key FROM verdicts WHERE sample_id IN (SELECT unnest(?))", samples
        )
        there = {(row["sample_id"], row["check_key"]) for row in rows}
        missing = {(row["sample_id"], row["check_key"]): row for row in self._rows["verdicts"]}
        return [row for key, row in missing.items() if key not in there]

    def _asked(self, sql: str, samples: set[str]) -> list[dict[str, Any]]:
        """Return the rows of those of the samples that may be in the store."""
        old = sorted(samples - self._new)
        return self._store.query(sql, [old]) if old else []


def _generation_row(plan: Plan, running: InFlight, request: Request, answer: Answer) -> dict[str, Any]:
    sampling = request.sampling
    return {
        "request_key": answer.key,
        "teacher": plan.run.teacher.name,
        "revision": plan.run.teacher.revision,
        "template_digest": plan.taskset.template_digest,
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


def _sample_row(plan: Plan, sample: Sample, keys: list[str]) -> dict[str, Any]:
    origins = sample.origins or answered(sample.messages or [], keys, sample.request_key)
    return {
        "sample_id": sample.sample_id,
        "request_key": sample.request_key,
        "seed_id": sample.task.seed_id,
        "task_id": sample.task.task_id,
        "kind": plan.kind.name,
        "language": sample.task.language,
        "family": sample.task.family,
        "question": sample.task.question,
        "input": sample.task.input,
        "reference": sample.task.reference,
        "messages": sample.messages,
        "origins": [origin.stored() for origin in origins] or None,
        "tools": sample.tools if sample.tools is not None else [tool.model_dump() for tool in plan.tools],
        "call": sample.call,
        "fault": sample.fault,
        "result": sample.result,
        "rationale": sample.rationale,
        "answer": sample.answer,
        "dedup_key": sample.dedup_key,
        "form": sample.form,
        "parents": [
            sample.task.seed_id,
            *(parent for parent in sample.task.parents if parent != sample.task.seed_id),
        ],
    }
