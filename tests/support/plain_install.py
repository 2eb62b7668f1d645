"""Runs the command line as a plain `pip install` would have it: packages that [project.dependencies] does not
bring cannot be imported. `python -m tests.support.plain_install ARGUMENT...`
"""

import importlib.metadata
import sys
import tomllib
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def brought() -> set[str]:
    """Return the distributions that the declared dependencies bring, dependencies of dependencies included."""
    declared = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    found: set[str] = set()
    open_ = [Requirement(text) for text in declared]
    while open_:
        wanted = open_.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        open_ += [Requirement(text) for text in importlib.metadata.requires(name) or []]
    return found


class Hidden(MetaPathFinder):
    """Finds nothing of the packages outside the closure, and says so as an import would."""

    def __init__(self) -> None:
        kept = brought()
        self._hidden = {
            module
            for module, owners in importlib.metadata.packages_distributions().items()
            if not any(canonicalize_name(owner) in kept for owner in owners)
        } - {"factory", "tests"}

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] in self._hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    sys.meta_path.insert(0, Hidden())
    from factory.cli.main import main as factory

    factory()


if __name__ == "__main__":
    main()
