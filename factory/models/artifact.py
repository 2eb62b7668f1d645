"""Model folders with a manifest: published atomically, verified by digest.

Promise: `publish` fills a staging folder beside the target, writes `manifest.json` (every file with bytes and
SHA-256) last, flushes all of it to disk and renames it. A name without the staging prefix is therefore a
finished folder, and `verify` proves it against its manifest: it holds those files, no others and no links.
The quick proof takes a file for unchanged that has the size and the time of last change that the manifest
has, and reads any other in full, so that a copied folder costs time and is no fault. Staging folders that a
killed process left behind are removed by the next `publish` of the same name; those of a living process stay.
Not promised: protection against somebody who rewrites both a file and the manifest; by the quick proof,
against somebody who sets a file's time back, or a disk that changes bits by itself. Whoever loads a model
proves every byte of it first.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from factory.errors import FactoryError
from factory.system.atomic import beside, flush, remove_abandoned
from factory.system.digest import content_id, file_sha256

MANIFEST = "manifest.json"
REMEDY = (
    "Put it back from a copy, or remove the folder: the next run makes it again. "
    "See also: factory doctor -w WORKSPACE"
)


@dataclass(frozen=True)
class Artifact:
    """A finished model folder: `digest` covers every file's content, `weight_bytes` sums the safetensors
    files."""

    folder: Path
    digest: str
    about: dict[str, Any]
    files: dict[str, dict[str, Any]]

    @property
    def weight_bytes(self) -> int:
        return sum(entry["bytes"] for name, entry in self.files.items() if name.endswith(".safetensors"))


@contextmanager
def publish(target: Path, about: dict[str, Any]) -> Iterator[Path]:
    """Yield an empty staging folder; when the block ends without an error it becomes `target`, manifest and
    all.

    `about` is stored in the manifest (JSON values). Raises FactoryError if `target` exists already.
    """
    if target.exists():
        raise FactoryError(f"{target} exists already", "Remove it if it is to be made again.")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target)
    staging = beside(target)
    staging.mkdir()
    try:
        yield staging
        _write_manifest(staging, about)
        if target.exists():
            raise FactoryError(
                f"{target} was made by another process meanwhile", "Run the same command again."
            )
        staging.rename(target)
        flush(target.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def verify(folder: Path, *, quick: bool = False) -> Artifact:
    """Return the artifact in `folder`, or raise FactoryError naming a file that is missing, changed, a link,
    or not in the manifest.

    Every byte is read; a `quick` proof spares the files whose size and time are those of the manifest.
    """
    manifest_path = folder / MANIFEST
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        files = {
            name: {"bytes": int(entry["bytes"]), "sha256": str(entry["sha256"])}
            for name, entry in manifest["files"].items()
        }
        times = dict(manifest.get("changed_at_ns", {}))
        about = dict(manifest["about"])
    except FileNotFoundError:
        raise FactoryError(f"{folder} has no {MANIFEST}: it is not a finished model", REMEDY) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FactoryError(f"{manifest_path} cannot be read: {error}", REMEDY) from None
    present = _contents(folder)
    if strange := sorted(set(present) - set(files) - {MANIFEST}):
        raise FactoryError(f"{folder / strange[0]} is not in {MANIFEST}", REMEDY)
    for name, entry in files.items():
        # A name that leads out of the folder is not among its contents.
        if name not in present:
            raise FactoryError(f"{folder / name} is missing", REMEDY)
        path = present[name]
        status = path.stat()
        same_size = status.st_size == entry["bytes"]
        if same_size and quick and status.st_mtime_ns == times.get(name):
            continue
        if (
            not same_size
            or (_known_sha256(path, status.st_mtime_ns) if quick else file_sha256(path)) != entry["sha256"]
        ):
            raise FactoryError(f"{path} does not match its digest in {MANIFEST}", REMEDY)
    return Artifact(folder, content_id(files), about, files)


def _write_manifest(staging: Path, about: dict[str, Any]) -> None:
    files, times = {}, {}
    for name, path in _contents(staging).items():
        files[name] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        times[name] = path.stat().st_mtime_ns
        flush(path)
        flush(path.parent)
    manifest = staging / MANIFEST
    content = {"about": about, "files": files, "changed_at_ns": times}
    manifest.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    flush(manifest)
    flush(staging)


def _contents(folder: Path) -> dict[str, Path]:
    """Return the files at any depth by name; raise FactoryError for a link, which could lead anywhere."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    for path in found.values():
        if path.is_symlink():
            raise FactoryError(f"{path} is a link, and a model folder holds none", REMEDY)
    return {name: path for name, path in found.items() if path.is_file()}


@cache
def _known_sha256(path: Path, changed_at: int) -> str:
    return file_sha256(path)
