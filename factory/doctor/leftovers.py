"""Leftovers of killed processes: unfinished folders and files that nothing reads; `--fix` removes them.

Kept: folders of running processes, complete checkpoints (training resumes from them), and anything this
factory did not name. The lock file is no leftover: the operating system frees the lock with the last process
that holds it.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from factory.doctor.finding import Finding, Mend
from factory.system.atomic import abandoned
from factory.workspace import CHECKPOINT_MARK, Workspace


def examine_leftovers(workspace: Workspace) -> Iterator[Finding]:
    """Yield each leftover and its removal."""
    count = 0
    for path, why in _leftovers(workspace):
        count += 1
        size = (
            sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            if path.is_dir()
            else path.stat().st_size
        )
        name = path.relative_to(workspace.root).as_posix()
        yield Finding(
            "note",
            "leftover",
            f"{name} ({size / 1e6:,.1f} MB): {why}",
            "It only takes disk space.",
            Mend(f"remove {name}", _remover(path)),
        )
    if not count:
        yield Finding("ok", "leftover", "no leftovers of killed processes")


def _leftovers(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    for place, what in ((workspace.models, "model"), (workspace.reports, "report"), (workspace.root, "file")):
        for path in abandoned(place) if place.is_dir() else ():
            yield path, f"an unfinished {what}"
    for folder in _inside(workspace.checkpoints):
        if (workspace.models / folder.name).is_dir():
            yield folder, "checkpoints of a model that is finished"
            continue
        for checkpoint in _inside(folder):
            if checkpoint.name.startswith("checkpoint-") and not (checkpoint / CHECKPOINT_MARK).exists():
                yield checkpoint, "an unfinished checkpoint"
    for log in _inside(workspace.logs):
        if log.suffix == ".log" and log.is_file() and not log.stat().st_size:
            yield log, "an empty log"
    for folder in _inside(workspace.root):
        if folder.name.startswith(".rebuild-") or folder.name == f"{workspace.store.name}.tmp":
            yield folder, "temporary files of a killed process"


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.is_symlink()) if folder.is_dir() else []


def _remover(path: Path) -> Callable[[], None]:
    def remove() -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return remove
