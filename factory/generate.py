"""The stage that pays: the teacher answers what the plan still owes, answer by answer, and each small batch is committed with its samples
and verdicts.

Promise: a request whose answer was committed is never asked again; a kill costs at most the answers of the batch that was being filled
and those in flight.
"""

import time
from collections.abc import Iterator
from typing import Any

from factory.checks.check import Judged
from factory.child import uninterrupted
from factory.context import Context, Planned
from factory.inference.request import Answer, Model
from factory.progress import duration
from factory.store.store import Store, now
from factory.tasks.sample import Sample

BATCH_ROWS, BATCH_SECONDS = 32, 3.0


def owed(context: Context, store: Store) -> list[Planned]:
    """Return the requests of the plan that have no answer yet."""
    rows = store.query(
        "SELECT request_key FROM requests p ANTI JOIN generations g USING (request_key) WHERE p.plan_id = ?", [context.plan_id]
    )
    missing = {row["request_key"] for row in rows}
    return [planned for planned in context.plan if planned.request.key in missing]


def generate(context: Context, store: Store, model: Model) -> str:
    """Ask for everything owed, store answers, samples and verdicts, and return a line that sums it up."""
    todo = owed(context, store)
    meter = _Meter(context, total=len(todo), done_before=len(context.plan) - len(todo))
    buffer: list[tuple[Planned, Answer, Sample, list[dict[str, Any]]]] = []
    flushed = time.monotonic()
    try:
        for planned, answer in _answers(todo, model):
            sample = context.kind.read(planned.task, answer)
            verdicts = context.checks.judge(Judged(sample, answer.finish_reason, planned.position))
            buffer.append((planned, answer, sample, verdicts))
            meter.add(answer, sample, accepted=all(verdict["passed"] for verdict in verdicts))
            if len(buffer) >= BATCH_ROWS or time.monotonic() - flushed > BATCH_SECONDS:
                _flush(context, store, buffer)
                flushed = time.monotonic()
    finally:
        _flush(context, store, buffer)
    return meter.summary()


def _answers(todo: list[Planned], model: Model) -> Iterator[tuple[Planned, Answer]]:
    by_key = {planned.request.key: planned for planned in todo}
    for answer in model.answer(planned.request for planned in by_key.values()):
        yield by_key[answer.key], answer


def _flush(context: Context, store: Store, buffer: list[tuple[Planned, Answer, Sample, list[dict[str, Any]]]]) -> None:
    # An interrupt in the middle would lose the rows, or bring them twice.
    with uninterrupted():
        store.commit(
            generations=[_generation_row(context, planned, answer) for planned, answer, _, _ in buffer],
            samples=[_sample_row(context, planned, sample) for planned, _, sample, _ in buffer],
            verdicts=[verdict for _, _, _, verdicts in buffer for verdict in verdicts],
        )
        buffer.clear()


def _generation_row(context: Context, planned: Planned, answer: Answer) -> dict[str, Any]:
    sampling = planned.request.sampling
    return {
        "request_key": answer.key,
        "teacher": context.teacher.name,
        "revision": context.teacher.revision,
        "template_digest": context.kind.template_digest,
        "messages": planned.request.messages,
        "parameters": {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "logprobs": sampling.logprobs,
            "seed": planned.request.seed,
            "draw": planned.draw,
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
        "attempts": answer.attempts,
        "seconds": answer.seconds,
        "finished_at": now(),
    }


def _sample_row(context: Context, planned: Planned, sample: Sample) -> dict[str, Any]:
    return {
        "sample_id": sample.sample_id,
        "request_key": planned.request.key,
        "seed_id": sample.task.seed_id,
        "task_id": sample.task.task_id,
        "kind": context.loaded.recipe.data.kind,
        "language": sample.task.language,
        "question": sample.task.question,
        "reference": sample.task.reference,
        "messages": sample.messages,
        "tools": [tool.model_dump() for tool in context.tools],
        "call": sample.call,
        "fault": sample.fault,
        "result": sample.result,
        "rationale": None,
        "answer": sample.answer,
        "content_id": sample.content_id,
        "parents": [sample.task.seed_id],
    }


class _Meter:
    """Counts answers and keeps the progress line."""

    def __init__(self, context: Context, *, total: int, done_before: int):
        self._progress = context.progress
        self._total, self._done_before = total, done_before
        self._done = self._accepted = self._tokens = 0
        self._started = time.monotonic()

    def add(self, answer: Answer, sample: Sample, *, accepted: bool) -> None:
        self._done += 1
        self._accepted += accepted
        self._tokens += answer.completion_tokens
        if accepted and self._accepted == 1 and not self._done_before:
            assert sample.call is not None
            self._progress.say(f"  first accepted: {sample.task.question}  →  {sample.call['arguments']}  →  {sample.result}")
        seconds = max(time.monotonic() - self._started, 1e-9)
        left = seconds / self._done * (self._total - self._done)
        done, total = self._done_before + self._done, self._done_before + self._total
        self._progress.update(
            f"  generate  {done}/{total} answers  {self._done / seconds:.1f} samples/s  "
            f"{self._tokens / seconds:.0f} tokens/s  {self._accepted / self._done:.0%} accepted  {duration(left)} left",
            now=self._done == self._total,
        )

    def summary(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = f"{self._tokens / seconds:.0f} tokens/s"
        return f"{self._done} answers, {self._tokens} tokens, {rate}, {self._accepted} passed the checks of single samples"
