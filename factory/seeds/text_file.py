"""Rows of JSON Lines, of a JSON array, and of an array in an object.

Promise: at most `MAX_BYTES` of a file are held, and no record longer than `MAX_RECORD_BYTES` is parsed. In an
array one bad element spoils no other, as long as its quotes and brackets are closed: the array is cut by a
scan, and each piece is read strictly by itself. Its line is the one on which it begins.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from factory.errors import InputError
from factory.seeds.compressed import read_bytes
from factory.seeds.row import Row
from factory.seeds.wrapped import around_rows
from factory.text.decode import as_utf8
from factory.text.strict_json import strict_json

MAX_BYTES = 64 * 1024 * 1024
MAX_RECORD_BYTES = 4 * 1024 * 1024
# Complete strings, so that their content is no structure; possessive, so that a string that never ends
# costs no second look.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)


def read_text(path: Path) -> bytes:
    """Return the text of a file, unpacked and as UTF-8; raise InputError if it cannot be read or is larger
    than `MAX_BYTES`."""
    try:
        large = path.stat().st_size > MAX_BYTES
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    data = b"" if large else read_bytes(path, MAX_BYTES + 1)
    if large or len(data) > MAX_BYTES:
        raise InputError(
            f"{path} is larger than {MAX_BYTES >> 20} MB",
            "Seeds are a handful of tasks; split the file or write Parquet.",
        )
    try:
        return as_utf8(data)
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {error}", "Save it as UTF-8.") from None


def json_rows(data: bytes, path: Path, split: str | None) -> Iterator[Row]:
    """Return the elements if the text is an array, or an object around one; its lines otherwise. Raise
    InputError for an object of several splits of which none is chosen."""
    if data.lstrip()[:1] == b"[":
        return array_rows(data)
    found = around_rows(data, path, split)
    return line_rows(data) if found is None else array_rows(found)


def line_rows(data: bytes) -> Iterator[Row]:
    """Yield one row for each line that is not blank."""
    for number, line in enumerate(io.BytesIO(data), 1):
        if line.strip():
            yield _row(number, line)


def array_rows(data: bytes) -> Iterator[Row]:
    """Yield one row for each element of the array that `data` holds."""
    line, counted, depth, start = 1, 0, 0, 0
    tokens = _TOKEN.finditer(data)
    for token in tokens:
        sign = token.group()
        if sign == b'"':
            break
        if sign in (b"[", b"{"):
            depth += 1
            start = token.end() if depth == 1 else start
        elif sign in (b"]", b"}"):
            depth -= 1
        if depth and not (depth == 1 and sign == b","):
            continue
        piece = data[start : token.start()]
        begins = start + len(piece) - len(piece.lstrip())
        line, counted = line + data.count(b"\n", counted, begins), begins
        if piece.strip():
            yield _row(line, piece)
        elif depth:
            yield Row(line, fault="not a JSON object: there is nothing before the comma")
        start = token.end()
        if not depth:
            line, counted = line + data.count(b"\n", counted, start), start
            if rest := data[start:].strip():
                begins = data.index(rest, start)
                yield Row(
                    line + data.count(b"\n", counted, begins),
                    fault="not a JSON object: it follows the end of the array",
                )
            return
    piece = data[start:]
    begins = start + len(piece) - len(piece.lstrip())
    yield Row(
        line + data.count(b"\n", counted, begins),
        fault="not a JSON object: the array ends in the middle, and the rest cannot be read",
    )


def _row(line: int, text: bytes) -> Row:
    if len(text) > MAX_RECORD_BYTES:
        return Row(line, fault=f"longer than {MAX_RECORD_BYTES >> 20} MB")
    try:
        return Row(line, strict_json(text))
    except ValueError as error:
        return Row(line, fault=f"not a JSON object: {error}")
