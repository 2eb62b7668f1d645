"""The sources of a recipe's data: one, or the items of a list."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from factory.recipe.checks import Check, check_name
from factory.recipe.data import SourceSettings
from factory.tasks.kind import Kind
from factory.tasks.kinds import KINDS
from factory.tasks.settings import DataSettings

if TYPE_CHECKING:
    from factory.recipe.model import Recipe

# Where a recipe has no budget: answers that may be asked for each sample, and the least in all. One that
# passes in twenty is enough to reach the count; a few samples may have bad luck.
ANSWERS_A_SAMPLE, LEAST_REQUESTS = 20, 1000


@dataclass(frozen=True)
class DataSource:
    """One source: its settings, what a sample of it has to pass, and how its rows count. `name` is empty
    where it is the recipe's only one."""

    name: str
    data: DataSettings
    checks: tuple[Check, ...]
    held_out: str | None
    weight: float

    @property
    def is_asked(self) -> bool:
        """Whether a teacher is asked for its samples."""
        return self.kind.is_asked and self.data.answers != "reference"

    @cached_property
    def kind(self) -> Kind[Any, Any]:
        """The kind of its data."""
        return KINDS[self.data.kind]

    @property
    def usual_requests(self) -> int | None:
        """Most requests where the recipe writes no budget, enough for a teacher of whom one answer in
        `ANSWERS_A_SAMPLE` passes; None where it writes one, or where nobody is asked. In no id."""
        data = self.data
        if not self.is_asked or data.budget.requests is not None or data.budget.tokens is not None:
            return None
        judged = "judge" in map(check_name, self.checks)
        each = data.samples_per_prompt * (self.kind.requests_per_answer(data) + judged)
        return max(LEAST_REQUESTS, ANSWERS_A_SAMPLE * data.count * each)

    @property
    def limit(self) -> str:
        """What making the data may cost at most, in words; empty where nobody is asked."""
        if (usual := self.usual_requests) is not None:
            return f"{usual:,} requests (the default; data.budget sets another limit)"
        budget = self.data.budget
        limits = {"requests": budget.requests, "tokens": budget.tokens}
        return " or ".join(f"{most:,} {what}" for what, most in limits.items() if most)


def data_sources(recipe: "Recipe") -> tuple[DataSource, ...]:
    """Return the sources of a recipe, in its order."""
    data, evaluate = recipe.data, recipe.evaluate
    if isinstance(data, DataSettings):
        held_out = evaluate.held_out if evaluate else None
        return (DataSource("", data, recipe.checks, held_out, 1.0),)
    measured = evaluate is not None and any(_of_list(settings).held_out for settings in data)
    written = recipe.checks if "checks" in recipe.model_fields_set else None
    names = numbered([_of_list(settings).name or settings.kind.replace("_", "-") for settings in data])
    found = []
    for name, settings in zip(names, data, strict=True):
        source = _of_list(settings)
        checks = source.checks or written or usual_checks(settings.kind, measured=measured)
        found.append(DataSource(name, settings, checks, source.held_out if measured else None, source.weight))
    return tuple(found)


def numbered(names: Sequence[str]) -> list[str]:
    """Return the names; the second source of a kind is told from the first by its number."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found


def _of_list(settings: DataSettings) -> SourceSettings:
    """Return an item of a list as what it says beside its kind's settings."""
    assert isinstance(settings, SourceSettings)
    return settings


def usual_checks(kind: str, *, measured: bool) -> tuple[Any, ...]:
    """Return the checks that suit a kind; decontamination compares with held-out tasks, so without them there
    is nothing to compare with."""
    return tuple(item for item in KINDS[kind].default_checks if measured or item != "decontamination")
