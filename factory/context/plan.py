"""What is asked of the teacher: seeds, tools, tasks, checks, and the key of every request.

Promise: the same recipe, files and models give the same plan, in the parent process and in every child.
Nothing here loads a model.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from factory.checks.suite import CheckSuite
from factory.context.run import Run
from factory.inference.request import Request, Sampling, request_key
from factory.models.spelling import read_spelling
from factory.recipe.checks import check_name
from factory.recipe.model import USUAL_LENGTH
from factory.recipe.seeds import read_seeds, seed_notes
from factory.recipe.sources import DataSource
from factory.seeds.load import SeedFile, require_file
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.judging import TEMPLATE as JUDGE
from factory.tasks.judging import judged
from factory.tasks.kind import Kind, Prepared
from factory.tasks.kinds import seed_formats
from factory.tasks.known import known
from factory.tasks.sample import Task
from factory.tasks.settings import DataSettings
from factory.tasks.taskset import Ask, Episode, Taskset
from factory.text.templates import template_digest
from factory.tools.load import ToolFile, read_tool_file
from factory.tools.registry import TOOL_NAMES, run_tool
from factory.tools.sandbox import CustomTools, Limits
from factory.tools.spec import ToolSpec


@dataclass(frozen=True)
class Plan:
    """What the recipe of a run asks for, in one of its sources: the first, where `place` is left out."""

    run: Run
    place: int = 0

    @cached_property
    def source(self) -> DataSource:
        return self.run.loaded.recipe.sources[self.place]

    @property
    def kind(self) -> Kind[Any, Any]:
        """The kind of the source's data."""
        return self.source.kind

    @cached_property
    def plans(self) -> tuple["Plan", ...]:
        """The plans of all sources, this one among them."""
        places = range(len(self.run.loaded.recipe.sources))
        return tuple(self if place == self.place else Plan(self.run, place) for place in places)

    @property
    def whole_id(self) -> str:
        """The content id of all that the recipe asks for: that of the plan, where it has one source."""
        ids = [plan.plan_id for plan in self.plans]
        return ids[0] if len(ids) == 1 else content_id(ids)

    def named(self, name: str) -> "Plan":
        """Return the plan of a source by its name."""
        return next(plan for plan in self.plans if plan.source.name == name)

    @property
    def seeds(self) -> list[Seed]:
        return self._seed_file.seeds

    @property
    def seed_notes(self) -> list[str]:
        """What a person should know of the seeds before they are used."""
        held_out = self._held_out_file
        told = [f"held-out tasks: {note}" for note in (held_out.notes if held_out else ())]
        return seed_notes(self.source, self._seed_file) + told

    @cached_property
    def _seed_file(self) -> SeedFile:
        return read_seeds(self.run.loaded, self.source)

    @property
    def held_out(self) -> list[Seed]:
        return self._held_out_file.seeds if self._held_out_file else []

    @cached_property
    def _held_out_file(self) -> SeedFile | None:
        held_out = self.source.held_out
        if held_out is None:
            return None
        return require_file(
            self.run.loaded.resolve(held_out),
            seed_formats(self.data.kind),
            personal=self.data.personal,
            language=self.data.language,
        )

    @cached_property
    def data(self) -> DataSettings:
        """The source's settings, the paths that the kind reads resolved."""
        return self.kind.located(self.source.data, self.run.loaded.resolve)

    @property
    def tools(self) -> list[ToolSpec]:
        return self.tool_file.tools

    @cached_property
    def tool_file(self) -> ToolFile:
        """The tools, and what to tell about how their file was read."""
        file = self.kind.tool_file(self.data)
        return read_tool_file(self.run.loaded.resolve(file)) if file else ToolFile([], [])

    @cached_property
    def taskset(self) -> Taskset:
        """The kind's tasks, made of the recipe's seeds."""
        recipe = self.run.loaded.recipe
        return self.kind.taskset(
            self.data, self.seeds, self.tools, self.run_tool, recipe.seed, self.run.workspace.prompts
        )

    def prepared(self, *, learns: bool = False) -> Prepared[Any, Any]:
        """Return what the kind looks at before a model is loaded."""
        run, recipe = self.run, self.run.loaded.recipe
        names = tuple(map(str, map(check_name, self.source.checks)))
        return Prepared(
            run.loaded.path,
            self.data,
            self.seeds,
            self.held_out,
            self.taskset,
            names,
            learns,
            served=bool(recipe.teacher.endpoints),
            say=run.progress.say,
        )

    @cached_property
    def plan_id(self) -> str:
        """The content id of everything that decides which questions are put, in which order, and of nothing
        else: contents, not paths."""
        recipe = self.run.loaded.recipe
        teacher = recipe.teacher
        own_source = self.custom_tools.source_id if self.custom_tools else None
        return content_id(
            {
                "teacher": [
                    self.run.teacher.name,
                    self.run.teacher.revision,
                    teacher.sampling.identity(),
                    teacher.logprobs,
                ],
                # What is longer is not asked here; how long a prompt may be there, is for the servers to say.
                "max_model_len": None if teacher.endpoints else teacher.max_model_len,
                "data": self.kind.plan_identity(self.data, self.tools, own_source) | self._learnt_references,
                "seed": recipe.seed,
                "seeds": self.shown_seeds,
                "templates": self.taskset.template_digest,
                "judge": template_digest(JUDGE, self.run.workspace.prompts) if self._has_judge else None,
            }
            | teacher.switches
        )

    @property
    def _learnt_references(self) -> dict[str, Any]:
        answers = self.data.answers
        if answers == "teacher":
            return {}
        return {"answers": answers, "references": content_id([seed.reference for seed in self.seeds])}

    @property
    def shown_seeds(self) -> list[list[str]]:
        """The parts of each seed that may appear in a prompt, in the order of the seeds."""
        return [[seed.seed_id, seed.family, seed.rationale, seed.expression] for seed in self.seeds]

    @cached_property
    def target_id(self) -> str:
        """The content id of what the plan is to reach: how many, at what cost, by which checks."""
        data = self.data
        return content_id(
            {"count": data.count, "budget": data.budget.identity(), "checks": self.suite().keys}
        )

    def suite(self) -> CheckSuite:
        """Return a check suite that has judged nothing yet."""
        # Imported here and below: it takes numpy, and `factory validate` should answer at once.
        from factory.checks.registry import build_suite

        # What is held out of one source may not be learnt from another.
        held_out = list(itertools.chain.from_iterable(plan.held_out for plan in self.plans))
        return build_suite(self.source, self.tools, held_out, self.plan_id, self.seeds)

    def pool_suite(self) -> CheckSuite | None:
        """Return what decides which samples are shown to the teacher, None for a kind that shows none."""
        from factory.checks.registry import build_pool_suite

        return build_pool_suite(self.kind.name) if self.kind.shows_samples else None

    def episode(self, task: Task, draw: int) -> Episode:
        """Return the conversation about one task, with its judge where the recipe has one."""
        episode = self.taskset.episode(task, draw)
        if self.data.is_reference(draw):
            episode = known(task, episode, self.kind.reference_texts(self.taskset, task))
        return judged(episode, self._spell, self.run.workspace.prompts) if self._has_judge else episode

    def request(self, ask: Ask, draw: int) -> Request:
        """Return the request that a turn makes."""
        teacher = self.run.loaded.recipe.teacher
        sampling = Sampling(
            teacher.sampling.temperature,
            teacher.sampling.top_p,
            teacher.sampling.max_tokens,
            teacher.logprobs,
        )
        # The usual length is no part of a key: keys are older than the setting.
        length = None if teacher.endpoints or teacher.max_model_len == USUAL_LENGTH else teacher.max_model_len
        key = request_key(
            self.run.teacher.name,
            self.run.teacher.revision,
            ask.messages,
            ask.schema,
            sampling,
            draw,
            length,
            teacher.switches,
        )
        return Request(key, ask.messages, sampling, ask.schema, template=teacher.template or None)

    @property
    def _has_judge(self) -> bool:
        return "judge" in map(check_name, self.source.checks)

    @cached_property
    def _spell(self) -> Callable[[int], str] | None:
        """How the teacher's tokens are written, or None where that is not known."""
        spell = read_spelling(self.run.teacher.folder)
        return None if spell is None else lambda token: spell([token])

    @cached_property
    def custom_tools(self) -> CustomTools | None:
        """The person's own tools, loaded into their child process; InputError if their file does not fit."""
        own = self.kind.custom_tools(self.data)
        if own is None:
            return None
        specs = [tool for tool in self.tools if tool.name not in TOOL_NAMES]
        return CustomTools(
            self.run.loaded.resolve(own.python), specs, Limits(seconds=own.timeout_s, memory_mb=own.memory_mb)
        )

    def run_tool(self, name: str, arguments: dict[str, Any]) -> str:
        """Carry out one call, of a tool that ships or of the person's own; raise ToolError when it cannot be
        carried out."""
        if name not in TOOL_NAMES and self.custom_tools is not None:
            return self.custom_tools.run(name, arguments)
        return run_tool(name, arguments)
