"""Content ids: the same content has the same id on every machine, and the id names its algorithm.

Promise: `content_id` is BLAKE2b-128 over canonical JSON (sorted keys, no spaces, UTF-8, NaN and infinities
refused), written `b2:` and 32 hex digits. Changing any of this changes every id in every store: add a new tag
instead.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

TAG = "b2:"


def canonical_json(value: Any) -> str:
    """Return `value` as canonical JSON text; raise ValueError for NaN, infinities and what JSON cannot
    hold."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def content_id(value: Any) -> str:
    """Return the tagged digest of a JSON value."""
    return bytes_id(canonical_json(value).encode("utf-8", "surrogatepass"))


def bytes_id(data: bytes) -> str:
    """Return the tagged digest of bytes."""
    return TAG + hashlib.blake2b(data, digest_size=16).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in chunks: the digest that model manifests and package indexes
    use."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
