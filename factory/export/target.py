"""Atomic replacement of an export's target file or folder.

Promise: everything is written under a hidden name beside the target, flushed to disk, and renamed. What
is there already stays unless it is to be replaced, and then it is replaced only if it is a plain file, or
a folder that holds nothing but what an export writes. What a killed process left under its hidden name is
removed by the next export to the same target. Not promised: that a folder is replaced in one step. A kill
between the two renames leaves the old one as `.NAME.replaced-PID`, complete; it is removed when the next
export to the target has succeeded.
"""

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.errors import FactoryError, InputError
from factory.seeds.split import TRAIN, VALIDATION
from factory.system.atomic import beside, flush, remove, remove_abandoned

CARD = "README.md"
LISTING = "tasks.json"  # of a folder of tasks: it names every file that was written
OURS = {CARD, "dataset_dict.json"} | {
    f"{split}{ending}" for split in (TRAIN, VALIDATION) for ending in ("", ".jsonl", ".parquet")
}


def require_free(target: Path, *, force: bool, also: Collection[str] = ()) -> None:
    """Raise InputError if the target cannot be written: it exists and is not to be replaced, or `force` would
    destroy something else. `also`: further names that such an export writes."""
    try:
        str(target).encode()
    except UnicodeEncodeError:
        raise InputError(
            "the name after -o is not UTF-8, and Arrow cannot write there", "Choose another name."
        ) from None
    if target.name in ("", ".."):
        raise InputError(f"{target} is not a valid name for a new file or folder", "Name one with -o.")
    if not os.path.lexists(target):
        return
    if not force:
        raise InputError(
            f"{target} exists already", "Choose another path with -o, or replace it with --force."
        )
    if target.is_symlink():
        raise InputError(
            f"{target} is a link, and --force does not follow links", "Name the place that it leads to."
        )
    if target.is_dir() and (
        strange := sorted({path.name for path in target.iterdir()} - OURS - set(also) - _listed(target))
    ):
        raise InputError(
            f"{target} holds {strange[0]}, which no export wrote: --force leaves it alone",
            "Choose another path with -o.",
        )


def _listed(target: Path) -> set[str]:
    """Return the names that a folder of tasks says are its own, and what evaluators leave of them."""
    try:
        files = json.loads((target / LISTING).read_text(encoding="utf-8"))["files"]
        return {str(name) for name in files} | {"__pycache__"}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


@contextmanager
def publish(target: Path, *, force: bool, also: Collection[str] = ()) -> Iterator[Path]:
    """Yield a path beside the target at which nothing exists; a file or folder made there becomes the target
    if no error comes.

    Raises InputError as `require_free` does, FactoryError if the disk refuses.
    """
    require_free(target, force=force, also=also)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(target)
        staging = beside(target)
    except OSError as error:
        raise _refused(target, error) from error
    try:
        yield staging
        _flush_all(staging)
        _replace(target, staging, force=force, also=also)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        remove(staging)


def _replace(target: Path, staging: Path, *, force: bool, also: Collection[str]) -> None:
    # Looked at again: the work may have taken an hour.
    require_free(target, force=force, also=also)
    if target.is_dir() or (target.exists() and staging.is_dir()):
        old = beside(target, "replaced")
        target.rename(old)
        try:
            staging.rename(target)
        except BaseException:
            old.rename(target)
            raise
        remove(old)
    else:
        staging.replace(target)
    flush(target.parent)
    remove_abandoned(target, "replaced")


def _flush_all(staging: Path) -> None:
    for path in (staging, *(staging.rglob("*") if staging.is_dir() else ())):
        flush(path)


def _refused(target: Path, error: OSError) -> FactoryError:
    return FactoryError(
        f"{target} cannot be written: {error.strerror or error}",
        "Make room there, or choose another path with -o.",
    )
