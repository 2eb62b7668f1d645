"""Where the paths in a recipe lead.

Promise: a relative path is looked up from the recipe's own folder, then from each folder above it, nearest
first, so that a recipe works from any working directory and in any copy of the tree. `..` is refused: a path
leads down from one of these folders, or is absolute.
"""

from pathlib import Path

from factory.errors import InputError


def find(written: str, recipe: Path) -> Path:
    """Return the existing file or folder that `written` means in a recipe; InputError with the places looked
    at if there is none."""
    if ".." in Path(written).parts:
        raise InputError(
            f"{written!r} has a '..' part, which is refused; "
            "write it from a folder above the recipe, or as an absolute path"
        )
    try:
        path = Path(written).expanduser()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{written!r} names a home folder that is not known") from error
    folders = [] if path.is_absolute() else list(recipe.resolve().parents)
    for candidate in [folder / path for folder in folders] or [path]:
        if _exists(candidate):
            return candidate
    raise InputError(
        f"{written!r} was not found{'; looked in ' if folders else ''}{', '.join(map(str, folders))}"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long, a folder that may not be read: nothing that a recipe could use
        return False
