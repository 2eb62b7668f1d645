"""Escaping of hidden characters in untrusted text, so that it cannot hide, reorder or drive a terminal.

Promise: control characters become their pictures (ESC is ␛), and what has no glyph or turns the direction of
text becomes its code point, `[U+202E]`. Line feed and tab stay, and so do the two joiners (U+200C, U+200D),
without which several scripts and emoji cannot be spelled. The result holds only characters that XML 1.0
allows. It is not escaped: escaping belongs to the writer of the markup.
"""

import unicodedata

_KEPT = frozenset("\n\t\u200c\u200d")
# Format characters that are drawn: the number signs and verse ends of Arabic and Syriac, and Kaithi's number
# sign.
_DRAWN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_HIDDEN = frozenset({"Cf", "Cs", "Co", "Zl", "Zp"})


def escape_hidden(text: str) -> str:
    """Return `text` with every hidden character written out."""
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def truncate(text: str, limit: int) -> str:
    """Return `text`, or its first `limit` characters and the count of the rest."""
    return text if len(text) <= limit else f"{text[:limit]}… (and {len(text) - limit:,} characters more)"


def _escaped(character: str) -> str:
    point = ord(character)
    if character in _KEPT or character in _DRAWN:
        return character
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "␡"
    if 0x80 <= point < 0xA0 or unicodedata.category(character) in _HIDDEN or _is_noncharacter(point):
        return f"[U+{point:04X}]"
    return character


def _is_noncharacter(point: int) -> bool:
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
