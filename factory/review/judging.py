"""What the checks of the latest run say of an edited sample, before and after it is stored.

Promise: the checks are those of the recipe as the run has it (or of the file that a person names), with the
same keys in the store wherever they look at the same things. No model is loaded and nobody is asked: what
would need that, or a file that is not found from here, is left out and said. A person's own tools run in
their sandbox. One thread does all of it, since the sandbox lives no longer than the thread that made it.
"""

import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from factory.checks.check import check_key
from factory.checks.registry import build_suite
from factory.checks.suite import CheckSuite, verdict_row
from factory.errors import FactoryError, InputError
from factory.recipe.checks import Dedup, DedupItem, check_name, settings
from factory.recipe.load import LoadedRecipe, load_recipe, parse_recipe
from factory.recipe.seeds import is_local, read_seeds
from factory.recipe.sources import DataSource
from factory.review.beside import Query, beside, stored_row
from factory.review.edit import Edit, Row, edited
from factory.review.unproved import EditCheck
from factory.seeds.load import require_file
from factory.seeds.seed import Seed
from factory.tasks.kinds import seed_formats
from factory.tools.registry import TOOL_NAMES, RunTool, run_tool
from factory.tools.sandbox import CustomTools, Limits
from factory.tools.spec import ToolSpec
from factory.workspace import Workspace

_PLACE = (
    "SELECT k.place, k.plan_id, k.check_keys, r.run_id, r.command, r.recipe_text "
    "FROM current_samples s JOIN current_sources k USING (place) CROSS JOIN current_run r "
    "WHERE s.sample_id = ?"
)


class Judged(NamedTuple):
    """An edit, the rows of its verdicts, and which checks are left out and why, a sentence each."""

    edit: Edit
    verdicts: list[Row]
    left_out: list[str]

    @property
    def failed(self) -> list[Row]:
        """The verdicts that a person would overrule."""
        return [row for row in self.verdicts if not row["passed"]]


@dataclass(frozen=True)
class _Source:
    """A source of the run's recipe with what its checks look at. `changed` are the names of checks that are
    not quite the recipe's."""

    source: DataSource
    held_out: list[Seed]
    seeds: list[Seed]
    left_out: list[str]
    changed: set[str]
    run: RunTool | None

    def suite(self, tools: list[ToolSpec], plan_id: str) -> CheckSuite:
        return build_suite(self.source, tools, self.held_out, plan_id, self.seeds)


class EditJudge:
    """The checks of a workspace's latest run. `recipe` is a file to take instead of the run's own text."""

    def __init__(self, workspace: Workspace, recipe: Path | None = None):
        self._workspace = workspace
        self._given = load_recipe(recipe) if recipe else None
        self._worker = ThreadPoolExecutor(1, "edits")
        self._known: dict[tuple[str, int], _Source] = {}

    def close(self) -> None:
        """End the thread, and the sandbox with it."""
        self._worker.shutdown(wait=False)

    def judge(self, query: Query, sample_id: str, changes: dict[str, str]) -> Judged:
        """Return what the changes make of a sample, judged; InputError for what makes no sample at all.
        `query` asks the store, and is not used after this has returned."""
        return self._worker.submit(self._judge, query, sample_id, changes).result()

    def _judge(self, query: Query, sample_id: str, changes: dict[str, str]) -> Judged:
        row = stored_row(query, sample_id)
        found = query(_PLACE, [sample_id])
        source, place = None, found[0] if found else None
        left_out = ["every check: the sample is not in the plan of the latest run"]
        if place is not None:
            try:
                source = self._source(place, row)
                left_out = source.left_out
            except FactoryError as error:
                left_out = [f"every check: the recipe of the run cannot be read: {error.message}"]
        edit = edited(row, changes, self._workspace.prompts, source.run if source else None)
        verdicts: list[Row] = []
        if source is not None and place is not None:
            suite = source.suite(_tools(source, row), place["plan_id"])
            near = any(check.settings.get("threshold") is not None for check in suite.stream)
            own = self._workspace.prompts
            others = beside(query, row, edit, place["place"], own, source.run, near=near)
            for kept in others.kept:
                for check in suite.stream:
                    check.keep(kept)
            (verdicts, *_) = [one.verdicts for one in suite.judge([edit.sample, *others.draws])]
            verdicts = list(_with_keys(verdicts, suite, place["check_keys"], source.changed))
        names = {row["check_name"] for row in verdicts}
        review = EditCheck(row, compares=bool(names & {"agreement", "execution"}))
        key = check_key(review.name, review.settings)
        return Judged(
            edit, [*verdicts, verdict_row("", key, review.name, review.judge(edit.sample))], left_out
        )

    def _source(self, place: Row, row: Row) -> _Source:
        key = place["run_id"], place["place"]
        if key not in self._known:
            # Of one run at a time: its seeds may be many.
            self._known = {known: one for known, one in self._known.items() if known[0] == key[0]}
            self._known[key] = self._read(place, row)
        return self._known[key]

    def _read(self, place: Row, row: Row) -> _Source:
        loaded = self._loaded(place)
        sources = loaded.recipe.sources
        if place["place"] >= len(sources) or sources[place["place"]].data.kind != row["kind"]:
            raise InputError("it has other sources than the run of this workspace")
        source = sources[place["place"]]
        left_out, changed, checks = [], set[str](), list(source.checks)
        if "judge" in map(check_name, checks):
            left_out.append("judge: a model would have to be asked")
            checks = [item for item in checks if check_name(item) != "judge"]
        for number, item in enumerate(checks):
            dedup = settings(item)
            if isinstance(dedup, Dedup) and dedup.semantic is not None:
                left_out.append("dedup by meaning: a model would have to be loaded")
                checks[number] = DedupItem(dedup=Dedup(threshold=dedup.threshold))
                changed.add("dedup")
        seeds, held_out = list[Seed](), list[Seed]()
        try:
            if not is_local(loaded, source):
                raise InputError(f"{source.data.seeds} is not on this machine")
            seeds = read_seeds(loaded, source).seeds
        except FactoryError as error:
            left_out.append(f"personal, and what seeds give away: {error.message}")
            checks = [item for item in checks if check_name(item) != "personal"]
        try:
            for each in sources if "decontamination" in map(check_name, checks) else ():
                if each.held_out is not None:
                    path = loaded.resolve(each.held_out)
                    formats = seed_formats(each.data.kind)
                    held_out += require_file(path, formats, personal=each.data.personal).seeds
        except FactoryError as error:
            left_out.append(f"decontamination: {error.message}")
            checks = [item for item in checks if check_name(item) != "decontamination"]
        run, why = _tool_runner(loaded, source, row)
        return _Source(
            replace(source, checks=tuple(checks)), held_out, seeds, [*left_out, *why], changed, run
        )

    def _loaded(self, run: Row) -> LoadedRecipe:
        if self._given is not None:
            return self._given
        # The text is the store's; where its files lie is where the run's command found it, if that is here.
        typed = [Path(word) for word in _words(run["command"]) if word.endswith((".yaml", ".yml"))]
        beside = next((path for path in typed if path.is_file()), self._workspace.root / "recipe.yaml")
        return parse_recipe(run["recipe_text"], beside)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _tools(source: _Source, row: Row) -> list[ToolSpec]:
    """Return the tools of the recipe, which every sample of it was offered."""
    if not source.source.kind.tool_file(source.source.data):
        return []
    return [ToolSpec.model_validate(tool) for tool in row["tools"]]


def _tool_runner(loaded: LoadedRecipe, source: DataSource, row: Row) -> tuple[RunTool | None, list[str]]:
    """Return what carries calls out, and why it is not all of them."""
    own = source.kind.custom_tools(source.data)
    if own is None:
        return None, []
    specs = [ToolSpec.model_validate(tool) for tool in row["tools"]]
    try:
        custom = CustomTools(
            loaded.resolve(own.python),
            [spec for spec in specs if spec.name not in TOOL_NAMES],
            Limits(seconds=own.timeout_s, memory_mb=own.memory_mb),
        )
    except FactoryError as error:
        return None, [f"calls of your own tools, which are not carried out: {error.message}"]

    def run(name: str, arguments: dict[str, Any]) -> str:
        return run_tool(name, arguments) if name in TOOL_NAMES else custom.run(name, arguments)

    return run, []


def _with_keys(rows: list[Row], suite: CheckSuite, stored: list[str], changed: set[str]) -> Iterator[Row]:
    """Yield verdicts under the keys that the run has for them: a check that looks at other samples has the
    whole plan in its key, which cannot be worked out from here."""
    of_name = {re.split("[:@]", key)[0]: key for key in stored}
    among = {check.name for check in suite.draws} | {check.name for check in suite.stream}
    for row in rows:
        name = row["check_name"]
        yield row | ({"check_key": of_name[name]} if name in among - changed and name in of_name else {})
