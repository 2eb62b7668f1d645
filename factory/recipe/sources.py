"""The sources of a recipe's data: one, or the items of a list."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from factory.recipe.checks import Check
from factory.recipe.data import SourceSettings
from factory.tasks.kind import Kind
from factory.tasks.kinds import KINDS
from factory.tasks.settings import DataSettings

if TYPE_CHECKING:
    from factory.recipe.model import Recipe


@dataclass(frozen=True)
class DataSource:
    """One source: its settings, what a sample of it has to pass, and how its rows count. `name` is empty
    where it is the recipe's only one."""

    name: str
    data: DataSettings
    checks: tuple[Check, ...]
    held_out: str | None
    weight: float

    @cached_property
    def kind(self) -> Kind[Any, Any]:
        """The kind of its data."""
        return KINDS[self.data.kind]


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
