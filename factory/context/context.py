"""What every stage needs to know of a run, derived once from the recipe: models, tasks, checks, the plan of
requests.

Promise: the same recipe, files and models give the same plan, in the parent and in every child. Nothing here
loads a model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import FORMATS
from factory.checks.registry import build_pool_suite, build_suite
from factory.checks.suite import CheckSuite
from factory.errors import InputError
from factory.inference.request import Request, Sampling, request_key
from factory.models.resolve import ModelSource, resolve_endpoint, resolve_model
from factory.recipe.checks import check_name
from factory.recipe.load import LoadedRecipe
from factory.recipe.model import USUAL_LENGTH, Evaluate, Student
from factory.seeds.load import load_seeds, require_seeds
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.system.progress import Progress
from factory.tasks.judging import TEMPLATE as JUDGE
from factory.tasks.judging import judged
from factory.tasks.kind import Kind, Prepared
from factory.tasks.kinds import KINDS, seed_formats
from factory.tasks.sample import Task
from factory.tasks.taskset import Ask, Episode, Taskset
from factory.text.templates import template_digest
from factory.tools.registry import TOOL_NAMES, run_tool
from factory.tools.sandbox import Limits, OwnTools
from factory.tools.spec import ToolSpec, load_tools
from factory.workspace import Workspace


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
            return resolve_endpoint(teacher.model, teacher.revision)
        return resolve_model(teacher.model, teacher.revision, self.loaded.resolve)

    @property
    def student(self) -> Student:
        assert self.loaded.recipe.student is not None
        return self.loaded.recipe.student

    @property
    def chat_format(self) -> ChatFormat:
        """How the student writes its conversations."""
        return FORMATS[self.student.format].for_model(self.base.folder)

    @property
    def evaluation(self) -> Evaluate:
        assert self.loaded.recipe.evaluate is not None
        return self.loaded.recipe.evaluate

    @cached_property
    def base(self) -> ModelSource:
        return resolve_model(self.student.base, self.student.revision, self.loaded.resolve)

    @cached_property
    def seeds(self) -> list[Seed]:
        data = self.loaded.recipe.data
        read = load_seeds(
            self._found(data.seeds), seed_formats(data.kind), columns=data.columns, split=data.split
        )
        if not read.seeds or (read.faults and data.strict):
            raise InputError(
                read.told() or f"{data.seeds}: there is no seed in it",
                "Mend the lines, or leave data.strict out.",
            )
        for fault in read.faults[:20]:
            self.progress.say(f"note: left out: {fault}")
        if len(read.faults) > 20:
            self.progress.say(f"note: {len(read.faults) - 20} more lines of {data.seeds} are left out")
        return read.seeds

    @cached_property
    def held_out(self) -> list[Seed]:
        recipe = self.loaded.recipe
        return (
            require_seeds(self.loaded.resolve(recipe.evaluate.held_out), seed_formats(recipe.data.kind))
            if recipe.evaluate
            else []
        )

    @cached_property
    def tools(self) -> list[ToolSpec]:
        file = self.kind.tool_file(self.loaded.recipe.data)
        return load_tools(self.loaded.resolve(file)) if file else []

    @property
    def kind(self) -> Kind[Any, Any]:
        return KINDS[self.loaded.recipe.data.kind]

    @cached_property
    def taskset(self) -> Taskset:
        """The kind's tasks, made of the recipe's seeds."""
        recipe = self.loaded.recipe
        return self.kind.taskset(
            recipe.data, self.seeds, self.tools, self.run_tool, recipe.seed, self.workspace.prompts
        )

    def prepared(self, *, learns: bool) -> Prepared[Any, Any]:
        """Return what the kind looks at before a model is loaded."""
        recipe, names = self.loaded.recipe, tuple(map(str, map(check_name, self.loaded.recipe.checks)))
        return Prepared(self.loaded.path, recipe.data, self.seeds, self.held_out, self.taskset, names, learns)

    @cached_property
    def plan_id(self) -> str:
        """The content id of everything that decides which questions are put, in which order, and of nothing
        else: contents, not paths."""
        recipe = self.loaded.recipe
        teacher, data = recipe.teacher, recipe.data
        own_source = self.own_tools.source_id if self.own_tools else None
        return content_id(
            {
                "teacher": [
                    self.teacher.name,
                    self.teacher.revision,
                    teacher.sampling.identity(),
                    teacher.logprobs,
                ],
                # What is longer is not asked here; how long a prompt may be there, is for the servers to say.
                "max_model_len": None if teacher.endpoints else teacher.max_model_len,
                "data": self.kind.plan_identity(data, self.tools, own_source),
                "seed": recipe.seed,
                "seeds": self.shown_seeds,
                "templates": self.taskset.template_digest,
                "judge": template_digest(JUDGE, self.workspace.prompts) if self._has_judge else None,
            }
        )

    @property
    def shown_seeds(self) -> list[list[str]]:
        """What of the seeds a teacher can be shown, and in which order."""
        return [[seed.seed_id, seed.family, seed.rationale, seed.expression] for seed in self.seeds]

    @cached_property
    def target_id(self) -> str:
        """The content id of what the plan is to reach: how many, at what cost, by which checks."""
        data = self.loaded.recipe.data
        return content_id(
            {"count": data.count, "budget": data.budget.identity(), "checks": self.suite().keys}
        )

    def suite(self) -> CheckSuite:
        """Return a check suite that has judged nothing yet."""
        return build_suite(self.loaded.recipe, self.tools, self.held_out, self.plan_id)

    def pool_suite(self) -> CheckSuite | None:
        """Return what decides which samples are shown to the teacher, None for a kind that shows none."""
        return build_pool_suite(self.kind.name) if self.kind.shows_samples else None

    def episode(self, task: Task, draw: int) -> Episode:
        """Return the conversation about one task, with its judge where the recipe has one."""
        episode = self.taskset.episode(task, draw)
        return judged(episode, self._spell, self.workspace.prompts) if self._has_judge else episode

    def request(self, ask: Ask, draw: int) -> Request:
        """Return the request that a turn makes."""
        teacher = self.loaded.recipe.teacher
        sampling = Sampling(
            teacher.sampling.temperature,
            teacher.sampling.top_p,
            teacher.sampling.max_tokens,
            teacher.logprobs,
        )
        # The usual length is no part of a key: keys are older than the setting.
        length = None if teacher.endpoints or teacher.max_model_len == USUAL_LENGTH else teacher.max_model_len
        key = request_key(
            self.teacher.name, self.teacher.revision, ask.messages, ask.schema, sampling, draw, length
        )
        return Request(key, ask.messages, sampling, ask.schema)

    @property
    def _has_judge(self) -> bool:
        return "judge" in map(check_name, self.loaded.recipe.checks)

    @cached_property
    def _spell(self) -> Callable[[int], str] | None:
        """How the teacher's tokens are written, or None where that is not known."""
        path = self.teacher.folder / "tokenizer.json"
        if not path.is_file():
            return None
        tokenizer = Tokenizer.from_file(str(path))
        return lambda token: str(tokenizer.decode([token]))

    @cached_property
    def own_tools(self) -> OwnTools | None:
        """The person's own tools, loaded into their child process; InputError if their file does not fit."""
        own = self.kind.custom_tools(self.loaded.recipe.data)
        if own is None:
            return None
        specs = [tool for tool in self.tools if tool.name not in TOOL_NAMES]
        return OwnTools(
            self.loaded.resolve(own.python), specs, Limits(seconds=own.timeout_s, memory_mb=own.memory_mb)
        )

    def run_tool(self, name: str, arguments: dict[str, Any]) -> str:
        """Carry out one call, of a tool that ships or of the person's own; raise ToolError when it cannot be
        carried out."""
        if name not in TOOL_NAMES and self.own_tools is not None:
            return self.own_tools.run(name, arguments)
        return run_tool(name, arguments)

    def _found(self, written: str) -> Path | str:
        try:
            return self.loaded.resolve(written)
        except InputError:
            return written
