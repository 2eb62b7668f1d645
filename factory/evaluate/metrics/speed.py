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
from collections.abc import Mapping

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.evaluate.scorer import question
from factory.inference.request import Model, Request
from factory.system.digest import content_id

TOKENS = 32
ALONE = 7  # requests that are timed one by one, for each round of those together
TOGETHER = 32
_LATENCY, _RATE_ALONE, _RATE = "latency_p50_s", "tokens_per_s_batch_1", f"tokens_per_s_batch_{TOGETHER}"


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return each figure with the number of repetitions behind it; nothing where every question is too long
    for the model."""
    repeats, progress = evaluation.context.evaluation.repeats, evaluation.context.progress
    role = evaluation.candidate.role
    progress.update(f"  {role}  speed, 1 at once", now=True)
    alone = [
        _timed(evaluation.model, [request]) for request in _requests(evaluation, "alone", repeats * ALONE + 1)
    ]
    rounds = []
    for number in range(repeats + 1):
        progress.update(f"  {role}  speed, {TOGETHER} at once, round {number + 1} of {repeats + 1}", now=True)
        rounds.append(_timed(evaluation.model, _requests(evaluation, f"together {number}", TOGETHER)))
    seconds = sorted(seconds for seconds, tokens in alone[1:] if tokens)
    rates = [tokens / seconds for seconds, tokens in rounds[1:] if tokens]
    if not seconds or not rates:
        return {}
    median, late = statistics.median(seconds), seconds[round(0.95 * (len(seconds) - 1))]
    return {
        _RATE_ALONE: Measurement(TOKENS / median, None, None, len(seconds)),
        _LATENCY: Measurement(median, None, None, len(seconds)),
        "latency_p95_s": Measurement(late, None, None, len(seconds)),
        _RATE: Measurement(statistics.median(rates), None, None, len(rates)),
    }


def _requests(evaluation: Evaluation, tag: str, count: int) -> list[Request]:
    asking, candidate, tasks = evaluation.scorer, evaluation.candidate, evaluation.tasks
    asked = (question(asking, candidate, tasks[i % len(tasks)], TOKENS) for i in range(count))
    return [
        dataclasses.replace(request, key=content_id([request.key, tag, i]), schema=None, ignore_eos=True)
        for i, request in enumerate(asked)
    ]


def _timed(model: Model, requests: list[Request]) -> tuple[float, int]:
    started = time.monotonic()
    tokens = sum(answer.completion_tokens for answer in model.answer(requests))
    return time.monotonic() - started, tokens


FAMILY = Family(
    (
        Metric(
            _LATENCY,
            "One request alone",
            "s",
            "lower",
            note=f"One request alone: the median time of {TOKENS} tokens, and the 95th percentile below it.",
        ),
        Metric("latency_p95_s", "95\N{NO-BREAK SPACE}%", "s", "lower", under=_LATENCY),
        Metric(_RATE, f"{TOGETHER} requests at once", "tokens/s", "higher"),
        Metric(_RATE_ALONE, "1 at once", "tokens/s", "higher", under=_RATE),
    ),
    measure,
)
