"""Runs the command line as a plain `pip install` would have it: packages that [project.dependencies] does not
bring cannot be imported. `python -m tests.support.plain_install ARGUMENT...`
"""

import importlib.metadata
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def brought() -> set[str]:
    """Return the distributions that the declared dependencies bring, dependencies of dependencies
    included."""
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
    """Stands before the finders of Python and finds nothing of the packages outside the closure."""

    def __init__(self, finders: Sequence[Any]) -> None:
        self._finders = finders
        self._kept = brought() | {"distill-factory"}
        self._hidden = {
            module
            for module, owners in importlib.metadata.packages_distributions().items()
            if not any(canonicalize_name(owner) in self._kept for owner in owners)
        } - {"factory", "tests"}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self._hidden:
            return None
        found = (finder.find_spec(name, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, context: Any) -> Iterator[importlib.metadata.Distribution]:
        for finder in self._finders:
            for found in getattr(finder, "find_distributions", lambda _: ())(context):
                if canonicalize_name(found.name) in self._kept:
                    yield found


def main() -> None:
    sys.meta_path[:] = [Hidden(list(sys.meta_path))]
    from factory.cli.main import main as factory

    factory()


if __name__ == "__main__":
    main()
