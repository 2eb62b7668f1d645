"""The scorer of a recipe's kind, and the requests that it makes of held-out tasks."""

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.inference.request import Request, Sampling
from factory.system.digest import content_id
from factory.tasks.sample import Task
from factory.tasks.scorer import Scorer


def scorer(plan: Plan) -> Scorer:
    """Return the scorer of the recipe's kind."""
    return plan.run.kind.scorer(plan.taskset, plan.held_out, plan.run.chat_format)


def question(asking: Scorer, candidate: Candidate, task: Task, max_tokens: int) -> Request:
    """Return the request that puts a task to a model, greedily."""
    messages = asking.ask(candidate, task)
    teacher = candidate.teacher
    switches = [teacher.switches] if teacher and teacher.switches else []
    key = content_id([candidate.artifact_id, messages, max_tokens, *switches])
    tools = None if candidate.few_shot else asking.tools
    template = (teacher.template or None) if teacher else None
    sampling = Sampling(0.0, 1.0, max_tokens)
    return Request(key, messages, sampling, asking.schema(candidate), tools, template=template)
