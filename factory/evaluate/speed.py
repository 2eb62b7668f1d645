"""How fast a model answers, alone and with company.

Every request asks for the same number of tokens, whatever the model would say, so that models are compared at
the same work. The first request and the first round are not counted: processor and prefix cache are warm
then. `latency_*` is the time of a request that is alone, from sending to its last token;
`tokens_per_s_batch_N` counts generated tokens, N requests at once: the median of several rounds, as a machine
that does other things as well is only ever slower.
"""

import dataclasses
import statistics
import time

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.evaluate.scorer import Scorer, question
from factory.inference.request import Model, Request
from factory.system.digest import content_id
from factory.tasks.sample import Task

TOKENS = 32
ALONE = 7  # requests that are timed one by one, for each round of those together
TOGETHER = 32


def speed(
    context: Plan, asking: Scorer, candidate: Candidate, tasks: list[Task], model: Model
) -> dict[str, tuple[float, int]]:
    """Return each figure with the number of repetitions behind it; nothing where every question is too long
    for the model."""
    repeats = context.run.evaluation.repeats
    context.run.progress.update(f"  {candidate.role}  speed, 1 at once", now=True)
    alone = [
        _timed(model, [request])
        for request in _requests(asking, candidate, tasks, "alone", repeats * ALONE + 1)
    ]
    rounds = []
    for number in range(repeats + 1):
        context.run.progress.update(
            f"  {candidate.role}  speed, {TOGETHER} at once, round {number + 1} of {repeats + 1}", now=True
        )
        rounds.append(_timed(model, _requests(asking, candidate, tasks, f"together {number}", TOGETHER)))
    seconds = sorted(seconds for seconds, tokens in alone[1:] if tokens)
    rates = [tokens / seconds for seconds, tokens in rounds[1:] if tokens]
    if not seconds or not rates:
        return {}
    return {
        "tokens_per_s_batch_1": (TOKENS / statistics.median(seconds), len(seconds)),
        "latency_p50_s": (statistics.median(seconds), len(seconds)),
        "latency_p95_s": (seconds[round(0.95 * (len(seconds) - 1))], len(seconds)),
        f"tokens_per_s_batch_{TOGETHER}": (statistics.median(rates), len(rates)),
    }


def _requests(asking: Scorer, candidate: Candidate, tasks: list[Task], tag: str, count: int) -> list[Request]:
    asked = (question(asking, candidate, tasks[i % len(tasks)], TOKENS) for i in range(count))
    return [
        dataclasses.replace(request, key=content_id([request.key, tag, i]), schema=None, ignore_eos=True)
        for i, request in enumerate(asked)
    ]


def _timed(model: Model, requests: list[Request]) -> tuple[float, int]:
    started = time.monotonic()
    tokens = sum(answer.completion_tokens for answer in model.answer(requests))
    return time.monotonic() - started, tokens
