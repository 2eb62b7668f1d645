"""Runs the command line as a plain `pip install` would have it: packages that [project.dependencies] does not
bring cannot be imported.

`python -m tests.support.plain_install` reads command lines, each a JSON list on a line of standard input, and
answers each with [exit code, standard output, standard error]. Each runs in a fork, in which nothing but the
command line itself is loaded: what is installed is looked up once.
"""

import importlib.metadata
import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
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

    for line in sys.stdin:
        print(json.dumps(_forked(factory, json.loads(line))), flush=True)


def _forked(command: Callable[[], None], arguments: list[str]) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            nothing = os.open(os.devnull, os.O_RDONLY)
            for number, descriptor in enumerate((nothing, output.fileno(), errors.fileno())):
                os.dup2(descriptor, number)
            sys.stdin = os.fdopen(0, closefd=False)
            sys.argv[1:] = arguments
            sys.exit(command())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        shown = []
        for file in (output, errors):
            file.seek(0)
            shown.append(file.read().decode())
        return code, shown[0], shown[1]


if __name__ == "__main__":
    main()
