"""How fast a model labels texts: each at its own length, with as many tokens as it writes, so that one that
writes a label and one that has a head for it can be compared.

Measured as in `factory.evaluate.metrics.speed`: alone, and so many at once; the first is not counted.
"""

import dataclasses
import statistics
from collections.abc import Mapping

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.evaluate.metrics.speed import ALONE, SECONDS, TOGETHER, timed
from factory.evaluate.scorer import question
from factory.inference.request import Request
from factory.system.digest import content_id
from factory.tasks.scorer import Classifier

_LATENCY, _RATE = "text_latency_p50_s", f"texts_per_s_batch_{TOGETHER}"


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the median time of a text alone, and texts in a second; nothing for a kind without labels."""
    if not isinstance(evaluation.scorer, Classifier) or not evaluation.tasks:
        return {}
    repeats, progress = evaluation.plan.run.evaluation.repeats, evaluation.plan.run.progress
    progress.update(f"  {evaluation.candidate.role}  texts in a second", now=True)
    lone = timed(evaluation.model, lambda i: _texts(evaluation, i, 1), repeats * ALONE, repeats * SECONDS)
    rounds = timed(evaluation.model, lambda i: _texts(evaluation, i, TOGETHER), repeats, repeats * SECONDS)
    seconds = statistics.median(seconds for seconds, _ in lone)
    rate = statistics.median(TOGETHER / seconds for seconds, _ in rounds)
    return {
        _LATENCY: Measurement(seconds, None, None, len(lone)),
        _RATE: Measurement(rate, None, None, len(rounds)),
    }


def _texts(evaluation: Evaluation, number: int, count: int) -> list[Request]:
    tasks, most = evaluation.tasks, evaluation.plan.run.evaluation.max_tokens
    asked = []
    for place in range(number * count, (number + 1) * count):
        request = question(evaluation.scorer, evaluation.candidate, tasks[place % len(tasks)], most)
        # No text that was read before, or a cache of prompts would answer for some models.
        *before, last = request.messages
        messages = [*before, last | {"content": f"{count}.{place} {last['content']}"}]
        key = content_id([request.key, "text", count, place])
        asked.append(dataclasses.replace(request, key=key, messages=messages))
    return asked


FAMILY = Family(
    (
        Metric(
            _LATENCY,
            "One text alone",
            "s",
            "lower",
            note="One text alone: the median time until its label is there, however many tokens that takes.",
        ),
        Metric(_RATE, f"{TOGETHER} texts at once", "texts/s", "higher", under=_LATENCY),
    ),
    measure,
    by_source=True,
)
