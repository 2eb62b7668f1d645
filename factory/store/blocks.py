"""Checksums of a DuckDB file's blocks: finds every block in use that is missing or damaged.

DuckDB verifies a block's checksum only when a query needs the block, so a damaged file opens and answers
until a query reads the wrong row. This reads the file once, at the speed of the disk, indexes and catalog
included, and changes nothing.

Promise: a block that is missing, torn or changed in so much as a bit is named, with its place in the file.
Blocks that DuckDB has marked as free are skipped. Not promised: files of another storage version than the
one that this was written for (`layout` 999, DuckDB 2.0): for these `unknown` is set and nothing
else. The write-ahead log is not read here: DuckDB verifies it when it opens the file. Source: DuckDB's
storage format as its own reader has it (main header, two database headers, blocks, free list in metadata
blocks).
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from factory.errors import FactoryError

LAYOUT = 999
_HEADER = 4096
_BLOCKS = 3 * _HEADER
_END = (1 << 64) - 1
_FACTOR, _START = np.uint64(0xBF58476D1CE4E5B9), np.uint64(5381)


@dataclass(frozen=True)
class Blocks:
    """Result of the check. `fault` is why it cannot be a store at all; `missing` and `changed` are numbers of
    blocks that count."""

    size: int
    block_size: int = 0
    missing: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    fault: str = ""
    unknown: str = ""

    @property
    def whole(self) -> bool:
        return not (self.missing or self.changed or self.fault)

    def told(self) -> str:
        """Describe the damage in one sentence; empty if there is none."""
        if self.fault:
            return self.fault
        problems = []
        if self.missing:
            problems.append(
                f"{len(self.missing)} of its blocks are missing: it was cut short at {self.size:,} bytes"
            )
        if self.changed:
            places = ", ".join(f"{_BLOCKS + number * self.block_size:,}" for number in self.changed[:5])
            more = ", …" if len(self.changed) > 5 else ""
            problems.append(
                f"{len(self.changed)} of its blocks of {self.block_size:,} bytes are not what was written "
                f"(at byte {places}{more})"
            )
        return "; ".join(problems)


def examine_blocks(path: Path) -> Blocks:
    """Read every block of the file; raise FactoryError if the disk refuses."""
    try:
        return _examine(path)
    except OSError as error:
        raise FactoryError(
            f"{path} cannot be read: {error.strerror}", "Look at its permissions and at the disk."
        ) from error


def _examine(path: Path) -> Blocks:
    size = path.stat().st_size
    if not size:
        return Blocks(0, fault="it is empty: 0 bytes")
    with path.open("rb") as file:
        headers = file.read(_BLOCKS)
        if headers[8:12] != b"DUCK":
            return Blocks(size, fault="it is not a DuckDB file: its first bytes were overwritten")
        if len(headers) < _BLOCKS:
            return Blocks(size, fault=f"it was cut short at {size:,} bytes, within its header")
        (layout,) = struct.unpack_from("<Q", headers, 12)
        if layout != LAYOUT:
            return Blocks(
                size,
                unknown=f"its storage version is {layout}, and blocks are checked for version {LAYOUT} only",
            )
        valid = [
            part for part in (headers[_HEADER : 2 * _HEADER], headers[2 * _HEADER :]) if _is_intact(part)
        ]
        if not (_is_intact(headers[:_HEADER]) and valid):
            return Blocks(size, fault="its header is not what was written")
        # Iteration, root of the catalog, free list, number of blocks, bytes of a block: the later of the two
        # headers counts.
        _, _, free_list, count, block_size = max(struct.unpack_from("<5Q", part, 8) for part in valid)
        return _read(file, size, block_size, count, free_list)


def _read(file: BinaryIO, size: int, block_size: int, count: int, free_list: int) -> Blocks:
    try:
        free = set(_free(file, free_list, block_size))
        listed = True
    except (struct.error, ValueError):
        # The list lies in a block that is damaged or missing itself: then every block counts.
        free, listed = set(), False
    missing, changed = [], []
    for number in range(count):
        if number in free:
            continue
        file.seek(_BLOCKS + number * block_size)
        block = file.read(block_size)
        if len(block) < block_size:
            missing.append(number)
        elif not _is_intact(block):
            changed.append(number)
    if changed and not listed:
        # Free blocks at the end of a file were perhaps never written.
        missing = []
    return Blocks(size, block_size, tuple(missing), tuple(changed))


def _is_intact(block: bytes) -> bool:
    words = np.frombuffer(block, dtype="<u8")
    with np.errstate(over="ignore"):
        return bool(np.bitwise_xor.reduce(words[1:] * _FACTOR) ^ _START == words[0])


def _free(file: BinaryIO, pointer: int, block_size: int) -> tuple[int, ...]:
    """Return the numbers of the free blocks: a count and the numbers, in a chain of metadata blocks, 64 to a
    block."""
    if pointer == _END:
        return ()
    part = (block_size - 8) // 64 // 8 * 8
    content = b""
    seen: dict[int, int] = {}
    while pointer != _END:
        if pointer in seen:
            raise ValueError("the free list is circular")
        seen[pointer] = pointer & ((1 << 56) - 1)
        file.seek(_BLOCKS + seen[pointer] * block_size + 8 + (pointer >> 56) * part)
        piece = file.read(part)
        (pointer,) = struct.unpack_from("<Q", piece)
        content += piece[8:]
        (count,) = struct.unpack_from("<Q", content)
        if len(content) >= 8 * (count + 1):
            break
    (count,) = struct.unpack_from("<Q", content)
    free = struct.unpack_from(f"<{count}q", content, 8)
    if set(free) & set(seen.values()):
        raise ValueError("the free list contains a block of its own")
    return free
