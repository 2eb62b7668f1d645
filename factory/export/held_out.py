"""The held-out tasks of a workspace's latest run, each as it is put to the student, for evaluators of others.

Promise: the messages and the tools of a task are those of the factory's own evaluation, the same tasks and as
many; what a judge needs is beside them. No model is loaded. Not promised: more than the first turn of a task
that is a dialogue with tools.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import FactoryError, InputError
from factory.evaluate.candidate import Candidate, measured, put_tasks, task_of
from factory.evaluate.scorer import scorer
from factory.recipe.load import LoadedRecipe, load_recipe
from factory.store.store import read_store
from factory.system.progress import Progress
from factory.tasks.scorer import Portable
from factory.workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """One held-out task: what a student is asked, what is right, and that as a student would write it."""

    name: str
    language: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    expected: Any
    written: str


@dataclass(frozen=True)
class HeldOut:
    """The held-out tasks of one source of data. `judge` is the module whose file judges the answers, `about`
    what it has to know, `figures` those that it gives."""

    name: str
    plan: Plan
    judge: str
    about: dict[str, Any]
    figures: tuple[str, ...]
    tasks: list[Asked]

    @property
    def max_tokens(self) -> int:
        """Most tokens of an answer."""
        return self.plan.run.evaluation.max_tokens

    @property
    def turn_end(self) -> str:
        """The token at which a student stops."""
        return self.plan.run.chat_format.turn_end

    @property
    def only_rendered(self) -> bool:
        """Whether some task is more than a question with its system prompt: an evaluator that knows no tools
        and no conversations has to read it as text."""
        return any(
            [message["role"] for message in task.messages] not in (["user"], ["system", "user"])
            or (task.tools and self._shows_tools(task))
            for task in self.tasks
        )

    def rendered(self, task: Asked) -> str:
        """Return what a student reads of a task, its chat template applied."""
        return self._render(task.messages, task.tools)

    def _shows_tools(self, task: Asked) -> bool:
        return self._own_template or self.rendered(task) != self._render(task.messages, [])

    @property
    def _own_template(self) -> bool:
        run = self.plan.run
        return run.chat_format.own_template(run.workspace.prompts) is not None

    def _render(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        run = self.plan.run
        if self._own_template:
            raise InputError(
                f"{self.name} has tools or several turns, and the workspace a chat template of its own",
                "Export with --format inspect, where the student's server renders them.",
            )
        shown = run.student.show_tools
        return run.chat_format.render(messages, tools or None, show_tools=shown, generate=True)


def held_out(workspace: Workspace, recipe: Path | None, progress: Progress) -> list[HeldOut]:
    """Return the held-out tasks of each source that can be judged outside of the factory, and say which
    cannot; InputError where none can. `recipe` is the latest run's; None: as it was typed then."""
    loaded = _latest(workspace.existing(), recipe)
    if loaded.recipe.student is None or loaded.recipe.evaluate is None:
        raise InputError(
            f"{loaded.path}: held-out tasks are put to a student, and the recipe has no "
            f"{'evaluate' if loaded.recipe.student else 'student'}",
            "Export the samples with --format jsonl, parquet or hf.",
        )
    name = loaded.recipe.name
    plans = measured(Plan(Run(loaded, workspace, progress)))
    scorers = [(plan, scorer(plan)) for plan in plans]
    found = [
        _of(plan, asking, f"{name}-{plan.source.name}" if plan.source.name else name)
        for plan, asking in scorers
        if isinstance(asking, Portable)
    ]
    left_out = {plan.kind.name for plan, asking in scorers if not isinstance(asking, Portable)}
    told = f"answers of the kind {', '.join(sorted(left_out))} are not judged outside of the factory"
    if not found:
        raise InputError(f"{loaded.path}: {told}", "Export the samples with --format jsonl, parquet or hf.")
    if left_out:
        progress.say(f"note: left out: {told}")
    return found


def _latest(workspace: Workspace, written: Path | None) -> LoadedRecipe:
    """Return the recipe of the latest run, if its file still says what it said then."""
    with read_store(workspace.store) as connection:
        found = connection.execute("SELECT command, recipe_digest FROM current_run").fetchone()
    if found is None:
        raise FactoryError(f"{workspace.store} holds no run", "Make one with: factory run RECIPE -w DIR")
    command, digest = found
    typed = (Path(word) for word in str(command).split() if word.endswith((".yaml", ".yml", ".json")))
    path = written or next((one for one in typed if one.is_file()), None)
    if path is None:
        raise InputError(
            f"the recipe of the latest run is not where it was: {command}", "Name it with --recipe."
        )
    loaded = load_recipe(path)
    if loaded.digest != digest:
        raise InputError(
            f"{path} is not the recipe of the latest run in {workspace.root}, or was changed since",
            f"Run it first: factory run {path} -w {workspace.root}; or name another one with --recipe.",
        )
    return loaded


def _of(plan: Plan, asking: Portable, name: str) -> HeldOut:
    return HeldOut(name, plan, asking.judge, asking.about, asking.figures, list(_tasks(plan, asking)))


def _tasks(plan: Plan, asking: Portable) -> Iterator[Asked]:
    student = Candidate("student", "", "student", Path(), False, "", "")
    seen: set[str] = set()
    for seed in put_tasks(plan):
        task = task_of(seed)
        if task.task_id in seen:
            continue
        seen.add(task.task_id)
        ask = next(asking.put(student, task))
        expected = asking.expected(task)
        wanted = asking.wanted(student, task)
        plain = expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)
        yield Asked(
            seed.name,
            seed.language,
            ask.messages,
            ask.tools or [],
            expected,
            plain if wanted is None else "".join(wanted),
        )
