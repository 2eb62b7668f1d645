"""How likely the right answers of the held-out tasks are to a model.

Perplexity is exp(-log p / n): p the probability of all the right answers, each after its own question, and n
the number of their tokens in the tokenizer of the student's base, for every model, so that one with fewer
tokens in its vocabulary, which spells with more of them, can be compared (Mielke, "Can you compare perplexity
across different segmentations?", 2019). A teacher's answer is the bare JSON of a call, a student's has that
inside of its tags; counted is the JSON alone.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping

from tokenizers import Tokenizer

from factory.evaluate.metrics.metric import Evaluation, Family, Measurement, Metric
from factory.evaluate.scorer import question
from factory.inference.request import Request, Sampling
from factory.system.digest import content_id
from factory.tasks.sample import Task


def measure(evaluation: Evaluation) -> Mapping[str, Measurement]:
    """Return the perplexity over the tasks that say what a right answer looks like; nothing where none
    does, or the model writes none."""
    if evaluation.candidate.head:
        return {}
    run = evaluation.plan.run
    tokenizer = Tokenizer.from_file(str(run.base.folder / "tokenizer.json"))
    requests: dict[str, Request] = {}
    tasks: Counter[str] = Counter()
    for task in evaluation.tasks:
        if (request := _request(evaluation, task)) is not None:
            requests[request.key] = request
            tasks[request.key] += 1
    total, read, tokens = 0.0, 0, 0
    for answer in evaluation.model.answer(requests.values()):
        if answer.token_logprobs is None:
            continue
        same = tasks[answer.key]
        total += same * sum(answer.token_logprobs)
        read += same
        forced = requests[answer.key].forced
        tokens += same * len(tokenizer.encode(forced, add_special_tokens=False).ids)
        run.progress.update(f"  {evaluation.candidate.role}  {read}/{tasks.total()} right answers read")
    if not tokens:
        return {}
    return {"perplexity": Measurement(math.exp(min(-total / tokens, 700.0)), None, None, read)}


def _request(evaluation: Evaluation, task: Task) -> Request | None:
    if (wanted := evaluation.scorer.wanted(evaluation.candidate, task)) is None:
        return None
    prefill, text = wanted
    asked = question(evaluation.scorer, evaluation.candidate, task, 1)
    key = content_id([asked.key, "forced", text])
    return dataclasses.replace(
        asked, key=key, schema=None, sampling=Sampling(0.0, 1.0, 1, logprobs=1), prefill=prefill, forced=text
    )


FAMILY = Family(
    (
        Metric(
            "perplexity",
            "Perplexity",
            "",
            "lower",
            note="Perplexity is that of the right answers, token by token; low is good.",
        ),
    ),
    measure,
    by_source=True,
)
