"""What killed processes left behind: nothing of it is ever read again, and `--fix` removes it.

Left alone: folders of processes that are running, whole checkpoints (training goes on from them), and
whatever this factory did not name. The lock file is no leftover: the operating system frees the lock with the
last process that holds it, whatever the file says.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from factory.doctor.finding import Finding, Mend
from factory.workspace import Workspace

WHOLE = "whole"  # as factory.student.train marks a checkpoint


def examine_leftovers(workspace: Workspace) -> Iterator[Finding]:
    """Yield each leftover with its mend."""
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
            "It is in nobody's way but the disk's.",
            Mend(f"remove {name}", _remover(path)),
        )
    if not count:
        yield Finding("ok", "leftover", "nothing was left behind by killed processes")


def _leftovers(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    for folder in _inside(workspace.models):
        process = re.fullmatch(r"\..+\.staging-(\d+)", folder.name)
        if process and not psutil.pid_exists(int(process[1])):
            yield folder, "a model that was not written to its end"
    for file in _inside(workspace.reports):
        process = re.fullmatch(r"\.(?:report|run-[0-9a-f]+)\.(?:html|json)\.(\d+)\.tmp", file.name)
        if process and not psutil.pid_exists(int(process[1])):
            yield file, "a report that was not written to its end"
    for folder in _inside(workspace.checkpoints):
        if (workspace.models / folder.name).is_dir():
            yield folder, "checkpoints of a model that is finished"
            continue
        for checkpoint in _inside(folder):
            if checkpoint.name.startswith("checkpoint-") and not (checkpoint / WHOLE).exists():
                yield checkpoint, "a checkpoint that was not written to its end"
    for log in _inside(workspace.logs):
        if log.suffix == ".log" and log.is_file() and not log.stat().st_size:
            yield log, "a log of nothing"
    for folder in _inside(workspace.root):
        if folder.name.startswith(".rebuild-") or folder.name == f"{workspace.store.name}.tmp":
            yield folder, "space that a killed process used for its work"


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.is_symlink()) if folder.is_dir() else []


def _remover(path: Path) -> Callable[[], None]:
    def remove() -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return remove
