"""How likely the right answers of the held-out tasks are to a model.

Perplexity is exp(-log p / n): p the probability of all the right answers, each after its own question, and n
the number of their tokens in the tokenizer of the student's base, for every model, so that one with fewer
tokens in its vocabulary, which spells with more of them, can be compared (Mielke, "Can you compare perplexity
across different segmentations?", 2019). A teacher's answer is the bare JSON of a call, a student's has that
inside of its tags; counted is the JSON alone.
"""

import dataclasses
import math

from tokenizers import Tokenizer

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.evaluate.scorer import Scorer, question
from factory.inference.request import Model, Request, Sampling
from factory.system.digest import content_id
from factory.tasks.sample import Task


def perplexity(
    context: Plan, asking: Scorer, candidate: Candidate, tasks: list[Task], model: Model
) -> tuple[float, int] | None:
    """Return the perplexity and the number of tasks behind it; None where no task says what a right answer
    looks like."""
    tokenizer = Tokenizer.from_file(str(context.run.base.folder / "tokenizer.json"))
    requests = [request for task in tasks if (request := _request(asking, candidate, task)) is not None]
    total, told, tokens = 0.0, 0, 0
    texts = {request.key: request.forced for request in requests}
    for answer in model.answer(requests):
        if answer.token_logprobs is None:
            continue
        total += sum(answer.token_logprobs)
        told += 1
        tokens += len(tokenizer.encode(texts[answer.key], add_special_tokens=False).ids)
        context.run.progress.update(f"  {candidate.role}  {told}/{len(requests)} right answers read")
    return (math.exp(min(-total / tokens, 700.0)), told) if tokens else None


def _request(asking: Scorer, candidate: Candidate, task: Task) -> Request | None:
    if (wanted := asking.wanted(candidate, task)) is None:
        return None
    begun, text = wanted
    asked = question(asking, candidate, task, 1)
    key = content_id([asked.key, "forced", text])
    return dataclasses.replace(
        asked, key=key, schema=None, sampling=Sampling(0.0, 1.0, 1, logprobs=1), begun=begun, forced=text
    )
