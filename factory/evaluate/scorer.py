"""The scorer of a recipe's kind, and the requests that it makes of held-out tasks."""

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.inference.request import Request, Sampling
from factory.system.digest import content_id
from factory.tasks.sample import Task
from factory.tasks.scorer import Scorer
from factory.tasks.taskset import Ask

LOGPROBS = 20  # likeliest tokens of each position, where how sure a model is is asked for


def scorer(plan: Plan) -> Scorer:
    """Return the scorer of the plan's kind."""
    return plan.kind.scorer(plan.taskset, plan.held_out, plan.run.chat_format)


def question(asking: Scorer, candidate: Candidate, task: Task, max_tokens: int) -> Request:
    """Return the request of the first turn that puts a task to a model, greedily."""
    return turn(next(asking.put(candidate, task)), candidate, max_tokens)


def turn(ask: Ask, candidate: Candidate, max_tokens: int) -> Request:
    """Return the request of a turn, greedily."""
    teacher = candidate.teacher
    switches = [teacher.switches] if teacher and teacher.switches else []
    key = content_id([candidate.artifact_id, ask.messages, ask.tools, max_tokens, *switches])
    template = (teacher.template or None) if teacher else None
    sampling = Sampling(0.0, 1.0, max_tokens, logprobs=LOGPROBS if ask.needs_logprobs else 0)
    return Request(key, ask.messages, sampling, ask.schema, ask.tools, template=template)
