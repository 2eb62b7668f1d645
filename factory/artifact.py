"""Model folders that exist whole or not at all.

Promise: `publish` fills a staging folder beside the target, writes `manifest.json` (every file with bytes and SHA-256) last, flushes
all of it to disk and renames it. A name without the staging prefix is therefore a finished folder, and `verify` proves it against its
manifest. Staging folders that a killed process left behind are removed by the next `publish` of the same name.
Not promised: protection against somebody who rewrites both a file and the manifest.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.digest import content_id, file_sha256
from factory.errors import FactoryError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Artifact:
    """A finished model folder: `digest` covers every file's content, `weight_bytes` sums the safetensors files."""

    folder: Path
    digest: str
    about: dict[str, Any]
    files: dict[str, dict[str, Any]]

    @property
    def weight_bytes(self) -> int:
        return sum(entry["bytes"] for name, entry in self.files.items() if name.endswith(".safetensors"))


@contextmanager
def publish(target: Path, about: dict[str, Any]) -> Iterator[Path]:
    """Yield an empty staging folder; when the block ends without an error it becomes `target`, manifest and all.

    `about` is stored in the manifest (JSON values). Raises FactoryError if `target` exists already.
    """
    if target.exists():
        raise FactoryError(f"{target} exists already", "Remove it if it is to be made again.")
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f".{target.name}.staging-*"):
        shutil.rmtree(stale, ignore_errors=True)
    staging = target.parent / f".{target.name}.staging-{os.getpid()}"
    staging.mkdir()
    try:
        yield staging
        _write_manifest(staging, about)
        staging.rename(target)
        _flush(target.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def verify(folder: Path, *, digests: bool = True) -> Artifact:
    """Return the artifact in `folder`, or raise FactoryError naming the first file that is missing, extra in size, or changed."""
    manifest_path = folder / MANIFEST
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        files = dict(manifest["files"])
        about = dict(manifest["about"])
    except FileNotFoundError:
        raise FactoryError(f"{folder} has no {MANIFEST}: it is not a finished model", "Remove it; the next run makes it again.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FactoryError(f"{manifest_path} cannot be read: {error}", "Remove the folder; the next run makes it again.") from None
    for name, entry in files.items():
        path = folder / name
        if not path.is_file():
            raise FactoryError(f"{path} is missing", "Remove the folder; the next run makes it again.")
        if path.stat().st_size != entry["bytes"] or (digests and file_sha256(path) != entry["sha256"]):
            raise FactoryError(f"{path} is not what {MANIFEST} says it is", "Remove the folder; the next run makes it again.")
    return Artifact(folder, content_id(files), about, files)


def _write_manifest(staging: Path, about: dict[str, Any]) -> None:
    files = {}
    for path in sorted(p for p in staging.rglob("*") if p.is_file()):
        files[path.relative_to(staging).as_posix()] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        _flush(path)
    manifest = staging / MANIFEST
    manifest.write_text(json.dumps({"about": about, "files": files}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _flush(manifest)
    _flush(staging)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
