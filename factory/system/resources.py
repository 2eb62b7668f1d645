"""Paths of the files shipped with the factory: prompts, schemas, recipes, seed tasks.

Promise: the same call finds them in a checkout, where they are top-level folders, and in an installed wheel,
where they lie inside the package. Not covered: running from a zip file.
"""

from pathlib import Path

from factory.errors import FactoryError


def resource(*parts: str) -> Path:
    """Return the path of a file or folder that comes with the factory, e.g. `resource("prompts",
    "judge.jinja")`.

    Raise FactoryError if it is missing.
    """
    package = Path(__file__).resolve().parents[1]
    home = package if (package / parts[0]).exists() else package.parent
    path = home.joinpath(*parts)
    if not path.exists():
        raise FactoryError(
            f"{'/'.join(parts)} is missing from this installation (looked in {home})",
            "Install it again: make setup",
        )
    return path
