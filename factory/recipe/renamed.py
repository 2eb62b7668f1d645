"""Keys that have another name now, or no effect: old names are read as the new ones.

Promise: a renamed setting (`serialization_alias` in `factory.system.settings`) is found under its first name
wherever it stands, with a note that names both and the line. A setting under both names is a fault. What
follows sees new names only. A setting that no longer has an effect has a note in its field's `deprecated`.
"""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from factory.recipe.model import Recipe
from factory.recipe.source import Fault, Source, Where, dotted
from factory.system.settings import models_in


def with_new_names(source: Source) -> tuple[Source, list[Fault]]:
    """Return the source with every key under its present name, and a note on each that was renamed
    or has no effect any more."""
    reading = _Reading(source)
    value = reading.renamed(source.value, (), {Recipe})
    if not (reading.notes or reading.faults):
        return source, []
    return replace(
        source,
        value=value,
        lines={reading.moved(where): line for where, line in source.lines.items()},
        faults=source.faults + reading.faults,
        spoiled={reading.moved(where) for where in source.spoiled},
    ), reading.notes


class _Reading:
    def __init__(self, source: Source):
        self._source = source
        self._names: dict[Where, str] = {}
        self.notes: list[Fault] = []
        self.faults: list[Fault] = []

    def renamed(self, value: Any, where: Where, models: set[type[BaseModel]]) -> Any:
        """Return a value at `where` with new names; `models` are those that it may be."""
        if isinstance(value, list):
            return [self.renamed(item, (*where, i), models) for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        fields = {name: field for model in models for name, field in model.model_fields.items()}
        names = {old: name for name, field in fields.items() if (old := field.serialization_alias)}
        found = {}
        for key, inner in value.items():
            name, place = str(names.get(key, key)), (*where, key)
            if name in value and name != key:
                self._refuse(place, name)
                continue
            if name != key:
                self._names[place] = name
                self.notes.append(self._at(place, f"is now {dotted(self.moved(place))}"))
            if name in fields and isinstance(fields[name].deprecated, str):
                self.notes.append(self._at(place, str(fields[name].deprecated)))
            deeper = models_in(fields[name].annotation) if name in fields else set()
            found[name] = self.renamed(inner, place, deeper)
        return found

    def moved(self, where: Where) -> Where:
        """Return the place of a setting under its new names."""
        return tuple(self._names.get(where[: end + 1], part) for end, part in enumerate(where))

    def _refuse(self, place: Where, name: str) -> None:
        line = self._source.lines[(*place[:-1], name)]
        self.faults.append(self._at(place, f"is now {name}, which is on line {line} too; remove one of them"))

    def _at(self, place: Where, message: str) -> Fault:
        return Fault(self._source.lines[place], dotted(place), message)
