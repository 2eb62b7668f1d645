"""From a YAML file to a recipe, or to everything that is wrong with it.

Promise: every fault at once, one a line, `FILE:LINE: where.dotted: what is wrong`, in the order of the file.
Imports no model library and opens no file but the recipe, so that it answers at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from factory.errors import InputError
from factory.recipe import rules, wording
from factory.recipe.model import Recipe
from factory.recipe.paths import find
from factory.recipe.renamed import with_new_names
from factory.recipe.source import Fault, Source, read_source
from factory.system.digest import content_id
from factory.text.decode import as_utf8

MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe that passed, the file it came from, and the exact text of that file (without a byte order
    mark). `notes`: keys that have another name now, one a line."""

    recipe: Recipe
    path: Path
    text: str
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Content id of the recipe: defaults count, comments and layout do not."""
        return content_id(self.recipe.identity(mode="json"))

    def resolve(self, relative: str) -> Path:
        """Return the existing file or folder that a path in this recipe means; InputError with the places
        looked at if there is none."""
        return find(relative, self.path)


def load_recipe(path: Path) -> LoadedRecipe:
    """Read and check a recipe; InputError holds every fault, one a line."""
    return _checked(_read(path), path, rules.faults)


def parse_recipe(text: str, path: Path) -> LoadedRecipe:
    """Read the text of a recipe that was loaded before, and whose paths lead from the file `path`; its files
    need not be there any more."""
    return _checked(text, path, lambda source, path: iter(()))


def _checked(text: str, path: Path, broken: Callable[[Source, Path], Iterable[Fault]]) -> LoadedRecipe:
    source, renamed = with_new_names(read_source(text))
    recipe, found = None, list(source.faults)
    if source.value is not None:
        found += broken(source, path)
        try:
            recipe = Recipe.model_validate(source.value)
        except ValidationError as error:
            found += wording.faults(error, source)
    if recipe is None or found:
        raise InputError("\n".join(_written(path, fault) for fault in sorted(set(found))))
    notes = tuple(f"{path}:{note.line}: {note.where} {note.message}" for note in renamed)
    return LoadedRecipe(recipe, path, text, notes)


def _read(path: Path) -> str:
    try:
        # Asked before it is opened: a device or a pipe has no end to wait for.
        if not path.is_file():
            near = get_close_matches(
                path.name, sorted(other.name for other in path.parent.glob("*.yaml")), n=1
            )
            raise InputError(
                f"{path}: no such recipe file", f"did you mean {path.with_name(near[0])}?" if near else ""
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: larger than {MAX_BYTES // 1024} KB; this is no recipe")
    try:
        data = as_utf8(data)
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8 text (byte {data[error.start]:#04x})") from error
    except ValueError as error:
        raise InputError(f"{path}: cannot be read: {error}", "Save it as UTF-8.") from error


def _written(path: Path, fault: Fault) -> str:
    return ": ".join(part for part in (f"{path}:{fault.line}", fault.where, fault.message) if part)
