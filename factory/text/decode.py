"""Text files as people's programs write them: with a byte order mark, in UTF-16, in UTF-32.

Promise: the one place where the bytes of a file become UTF-8, for seeds, tools and recipes alike. What is in
none of these encodings comes back as it is: whoever reads it knows which line is at fault.
"""

import codecs

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 4096


def as_utf8(data: bytes) -> bytes:
    """Return a file's text as UTF-8 without a mark; ValueError if it begins as UTF-16 and is not."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    if encoding is None:
        return data
    if encoding == "utf-8":
        return data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode(encoding).encode()
    except UnicodeError:
        raise ValueError(f"its text begins as {encoding.upper()} and is damaged") from None


def decode(data: bytes) -> str:
    """Return a file's text; ValueError if it is not UTF-8, UTF-16 or UTF-32."""
    try:
        return as_utf8(data).decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8: save the file as UTF-8") from None


def _unmarked(data: bytes) -> str | None:
    """Return the encoding of UTF-16 without a mark, in which every other byte of plain letters is zero."""
    start = data[: _LOOKED_AT - _LOOKED_AT % 2]
    if len(start) < 4 or b"\0" not in start:
        return None
    even, odd = start[::2].count(0) / len(start[::2]), start[1::2].count(0) / max(1, len(start[1::2]))
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.05 else None
