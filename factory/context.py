"""What every stage needs to know of a run, derived once from the recipe: models, tasks, checks, the plan of requests.

Promise: the same recipe, files and models give the same plan, in the parent and in every child. Nothing here loads a model.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from factory.checks.registry import Checks, build_checks
from factory.digest import content_id
from factory.inference.request import Request, Sampling, request_key
from factory.models.resolve import ModelSource, resolve_endpoint, resolve_model
from factory.progress import Progress
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import Evaluate, Student
from factory.seeds.load import require_seeds
from factory.seeds.seed import Seed
from factory.tasks.sample import Task
from factory.tasks.tool_call import ToolCallKind
from factory.tools.spec import ToolSpec, load_tools
from factory.workspace import Workspace


@dataclass(frozen=True)
class Planned:
    """One request of the plan, with the task that it puts."""

    position: int
    task: Task
    draw: int
    request: Request


@dataclass(frozen=True)
class Context:
    """A recipe in a workspace."""

    loaded: LoadedRecipe
    workspace: Workspace
    progress: Progress

    @cached_property
    def teacher(self) -> ModelSource:
        teacher = self.loaded.recipe.teacher
        if teacher.endpoints:
            return resolve_endpoint(teacher.model, teacher.endpoints)
        return resolve_model(self.loaded, teacher.model, teacher.revision)

    @property
    def student(self) -> Student:
        assert self.loaded.recipe.student is not None
        return self.loaded.recipe.student

    @property
    def evaluation(self) -> Evaluate:
        assert self.loaded.recipe.evaluate is not None
        return self.loaded.recipe.evaluate

    @cached_property
    def base(self) -> ModelSource:
        return resolve_model(self.loaded, self.student.base, self.student.revision)

    @cached_property
    def seeds(self) -> list[Seed]:
        return require_seeds(self.loaded.resolve(self.loaded.recipe.data.seeds), self.loaded.recipe.data.kind)

    @cached_property
    def held_out(self) -> list[Seed]:
        evaluate = self.loaded.recipe.evaluate
        return require_seeds(self.loaded.resolve(evaluate.held_out), self.loaded.recipe.data.kind) if evaluate else []

    @cached_property
    def tools(self) -> list[ToolSpec]:
        return load_tools(self.loaded.resolve(self.loaded.recipe.data.tools))

    @cached_property
    def kind(self) -> ToolCallKind:
        return ToolCallKind(self.seeds, self.tools, examples=self.loaded.recipe.data.examples, seed=self.loaded.recipe.seed)

    @cached_property
    def tasks(self) -> list[Task]:
        """The questions that the recipe puts, fewer than it asks for if the seeds do not give as many."""
        return self.kind.propose(self.loaded.recipe.data.count)

    @cached_property
    def plan(self) -> list[Planned]:
        """Every request that the recipe owes, in order."""
        data, teacher = self.loaded.recipe.data, self.loaded.recipe.teacher
        sampling = Sampling(teacher.sampling.temperature, teacher.sampling.top_p, teacher.sampling.max_tokens, teacher.logprobs)
        planned: list[Planned] = []
        for task in self.tasks:
            messages = self.kind.ask(task)
            for draw in range(data.draws):
                key = request_key(self.teacher.name, self.teacher.revision, messages, self.kind.schema, sampling, draw)
                planned.append(Planned(len(planned), task, draw, Request(key, messages, sampling, self.kind.schema)))
        return planned

    @cached_property
    def plan_id(self) -> str:
        return content_id([planned.request.key for planned in self.plan])

    @cached_property
    def checks(self) -> Checks:
        return build_checks(self.loaded.recipe.checks, self.kind, self.held_out, self.plan_id)

    def plan_rows(self) -> list[dict[str, Any]]:
        """Return the plan as rows of `requests`."""
        return [
            {
                "plan_id": self.plan_id,
                "position": planned.position,
                "request_key": planned.request.key,
                "seed_id": planned.task.seed_id,
                "task_id": planned.task.task_id,
                "draw": planned.draw,
                "language": planned.task.language,
                "question": planned.task.question,
                "reference": planned.task.reference,
            }
            for planned in self.plan
        ]
