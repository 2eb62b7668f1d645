"""How fast a model answers, alone and with company.

Every request asks for the same number of tokens, whatever the model would say, so that models are compared at
the same work. The first request and the first round are not counted: processor and prefix cache are warm
then. `latency_*` is the time of a request that is alone, from sending to its last token;
`tokens_per_s_batch_N` counts generated tokens, N requests at once: the median of several rounds, as a machine
that does other things as well is only ever slower.

Promise: it ends soon on a slow machine. After `SECONDS` for each of the recipe's repeats no further request
or round begins, but at least one is counted; each figure's n says how many were.
"""

import dataclasses
import statistics
from collections.abc import Callable, Mapping
from time import monotonic

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.evaluate.scorer import question
from factory.inference.request import Model, Request
from factory.system.digest import content_id

TOKENS = 32
ALONE = 7  # requests that are timed one by one, for each round of those together
TOGETHER = 32
SECONDS = 10.0
_LATENCY, _RATE_ALONE, _RATE = "latency_p50_s", "tokens_per_s_batch_1", f"tokens_per_s_batch_{TOGETHER}"


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return each figure with the number of repetitions behind it; nothing where every question is too long
    for the model, or where it writes no tokens."""
    if evaluation.candidate.head:
        return {}
    repeats, progress = evaluation.plan.run.evaluation.repeats, evaluation.plan.run.progress
    role = evaluation.candidate.role

    def alone(number: int) -> list[Request]:
        return _requests(evaluation, "alone", 1, number)

    def together(number: int) -> list[Request]:
        progress.update(f"  {role}  speed, {TOGETHER} at once, round {number + 1} of {repeats + 1}", now=True)
        return _requests(evaluation, f"together {number}", TOGETHER)

    progress.update(f"  {role}  speed, 1 at once", now=True)
    lone = timed(evaluation.model, alone, repeats * ALONE, repeats * SECONDS)
    rounds = timed(evaluation.model, together, repeats, repeats * SECONDS)
    seconds = sorted(seconds for seconds, tokens in lone if tokens)
    rates = [tokens / seconds for seconds, tokens in rounds if tokens]
    if not seconds or not rates:
        return {}
    median, late = statistics.median(seconds), seconds[round(0.95 * (len(seconds) - 1))]
    return {
        _RATE_ALONE: Measurement(TOKENS / median, None, None, len(seconds)),
        _LATENCY: Measurement(median, None, None, len(seconds)),
        "latency_p95_s": Measurement(late, None, None, len(seconds)),
        _RATE: Measurement(statistics.median(rates), None, None, len(rates)),
    }


def _requests(evaluation: Evaluation, tag: str, count: int, first: int = 0) -> list[Request]:
    asking, candidate, tasks = evaluation.scorer, evaluation.candidate, evaluation.tasks
    asked = [
        (i, question(asking, candidate, tasks[i % len(tasks)], TOKENS)) for i in range(first, first + count)
    ]
    return [
        dataclasses.replace(request, key=content_id([request.key, tag, i]), schema=None, ignore_eos=True)
        for i, request in asked
    ]


def timed(
    model: Model, requests: Callable[[int], list[Request]], most: int, seconds: float
) -> list[tuple[float, int]]:
    """Return the seconds and the tokens of each counted round: of `most`, those that began within `seconds`
    of the start, and at least one. `requests` gives those of a round; the first round is not counted."""
    counted: list[tuple[float, int]] = []
    began = monotonic()
    for number in range(most + 1):
        if counted and monotonic() - began > seconds:
            break
        asked, started = requests(number), monotonic()
        tokens = sum(answer.completion_tokens for answer in model.answer(asked))
        if number:
            counted.append((monotonic() - started, tokens))
    return counted


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
