"""What may import what in the factory: the layers that CONTRIBUTING.md names, and what breaks them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """An import of one folder, or loose file, of the package by another."""

    path: Path
    line: int
    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.source} imports {self.target}"


def read_layers(contributing: str) -> list[list[str]]:
    """Return the names of each layer, lowest first, from the list under the heading "What may import what",
    in which an arrow leads to the next higher layer."""
    section = contributing.partition("\n## What may import what\n")[2].partition("\n## ")[0]
    block = re.search(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert block, 'CONTRIBUTING.md has no list under "What may import what"'
    return [layer.split() for layer in block[1].split("→")]


def imports(package: Path) -> Iterator[Import]:
    """Yield every import across folders, wherever in a file it stands."""
    for path in sorted(package.rglob("*.py")):
        source = path.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in _targets(node, package):
                if target != source:
                    yield Import(path, node.lineno, source, target)  # type: ignore[attr-defined]


def _targets(node: ast.AST, package: Path) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "relative imports hide what is imported"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return []
    rooms = [name.split(".")[1] for name in names if name.startswith(f"{package.name}.")]
    return [room for room in rooms if (package / room).is_dir() or (package / f"{room}.py").is_file()]


def faults(package: Path, layers: list[list[str]]) -> list[str]:
    """Return what is not in the list or not in the package, each import of a higher layer by a lower one, and
    each import that is part of a circle."""
    height = {name: height for height, names in enumerate(layers) for name in names}
    there = {
        path.stem for path in package.iterdir() if (path / "__init__.py").is_file() or path.suffix == ".py"
    }
    there -= {"__init__"}
    found = [f"{name}: in no layer of CONTRIBUTING.md" for name in sorted(there - set(height))]
    found += [
        f"{name}: in CONTRIBUTING.md and not in {package.name}/" for name in sorted(set(height) - there)
    ]
    crossing = list(imports(package))
    beside = defaultdict(set)
    # Without an import of a higher layer, which is named itself, a circle lies within one layer.
    for one in crossing:
        if height.get(one.source, 0) == height.get(one.target, 0):
            beside[one.source].add(one.target)
    for one in crossing:
        if height.get(one.source, 0) < height.get(one.target, 0):
            found.append(f"{one}, which is in a higher layer")
        elif one.target in beside[one.source] and one.source in _reached(one.target, beside):
            found.append(f"{one}, which imports it in turn")
    return found


def _reached(start: str, beside: dict[str, set[str]]) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        new = beside.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached
