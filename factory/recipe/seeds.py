"""The seeds that a recipe names, and what a person should know of them before they are used."""

from pathlib import Path

from factory.errors import InputError
from factory.recipe.load import LoadedRecipe
from factory.recipe.sources import DataSource
from factory.seeds.load import SeedFile, load_seeds
from factory.tasks.kinds import seed_formats

_NAMED, _LISTED = 3, 20


def read_seeds(loaded: LoadedRecipe, source: DataSource) -> SeedFile:
    """Return the seeds of a source; InputError if there are none, or bad rows under `data.strict`."""
    data = source.data
    read = load_seeds(
        _found(loaded, source),
        seed_formats(data.kind),
        columns=data.columns,
        split=data.split,
        personal=data.personal,
        language=data.language,
    )
    if read.seeds and not (read.faults and data.strict):
        return read
    if not read.faults:
        raise InputError(
            f"{data.seeds}: there is no seed in it",
            "Write tasks into it, one a line, as docs/kinds.md shows.",
        )
    raise InputError(
        read.told(),
        "Correct the lines, or leave data.strict out." if data.strict else "Correct the lines.",
    )


def is_local(loaded: LoadedRecipe, source: DataSource) -> bool:
    """Return whether the seeds can be read without a network."""
    return isinstance(_found(loaded, source), Path)


def seed_notes(source: DataSource, read: SeedFile) -> list[str]:
    """Return, a sentence each, which rows are left out and which seeds are asked as they are."""
    notes = [f"left out: {fault}" for fault in read.gathered(_LISTED)]
    notes += read.notes
    if unvaried := source.kind.unvaried(read.seeds):
        named = "; ".join(f"{seed.name} ({why})" for seed, why in unvaried[:_NAMED])
        rest = "; …" if len(unvaried) > _NAMED else ""
        notes.append(
            f"{len(unvaried)} of {len(read.seeds)} seeds are asked as they are, since other numbers could "
            f"make their references wrong: {named}{rest}"
        )
    return notes


def _found(loaded: LoadedRecipe, source: DataSource) -> Path | str:
    written = source.data.seeds
    try:
        return loaded.resolve(written)
    except InputError:
        return written
