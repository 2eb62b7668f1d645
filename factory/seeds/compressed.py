"""Compressed files, by their first bytes whatever their names are: gzip, bzip2, xz and Zstandard.

Promise: no more than `limit` bytes are unpacked. Archives of several files are refused with what to do.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from factory.errors import InputError

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar")
_ARCHIVE_MARKS = (b"PK\x03\x04", b"7z\xbc\xaf", b"Rar!")


def uncompressed(path: Path) -> Path:
    """Return the name that a file has without the suffix of its compression."""
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, unpacked; raise InputError for an archive, OSError if it cannot be opened."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_ARCHIVE_MARKS) or uncompressed(path).suffix.lower() in ARCHIVES:
        raise InputError(
            f"{path} is an archive of files", "Unpack it, and name the file or the folder that was in it."
        )
    opened: IO[bytes] = next(
        (opener for mark, opener in _OPENERS.items() if start.startswith(mark)), Path.open
    )(path, "rb")
    return opened


def read_bytes(path: Path, limit: int) -> bytes:
    """Return at most `limit` bytes of a file, unpacked; raise InputError if it cannot be read."""
    try:
        with open_bytes(path) as file:
            return file.read(limit)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged: it cannot be unpacked: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _zstandard(path: Path, mode: str) -> Any:
    import pyarrow as pa

    return pa.input_stream(str(path), compression="zstd")


_OPENERS: dict[bytes, Callable[[Path, str], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x28\xb5\x2f\xfd": _zstandard,
}
