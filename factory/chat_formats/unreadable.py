"""Text that every kind rejects: empty, too large, not text, or with tokens that would end the turn.

Promise: time is linear in what is read, and a text that is too large is not read at all. A text is judged as
it is stored: there a lone surrogate has become U+FFFD (`factory.inference.storable`), which is also what a
decoder writes for bytes that spell no character.
"""

import re

from factory.chat_formats.control_token import control_token
from factory.text.reasons import ReasonCode

MAX_CHARACTERS = 20_000  # of a text that the teacher or a tool wrote: what is longer is not read

# NUL, the other control characters but tab and line ends, and lone surrogates: no database, JSON reader or
# terminal takes them all.
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffd]")


def unreadable(text: str) -> tuple[ReasonCode, str] | None:
    """Return (reason, detail), the reason one of too_large, empty, not_text and control_token; None if the
    text can be read."""
    if len(text) > MAX_CHARACTERS:
        return "too_large", f"more than {MAX_CHARACTERS} characters"
    if not text.strip():
        return "empty", ""
    return harmful(text)


def harmful(text: str) -> tuple[ReasonCode, str] | None:
    """Return (reason, detail) of a sign that a database or a chat template would stumble over: not_text or
    control_token."""
    if character := not_text(text):
        return "not_text", character
    token = control_token(text)
    return ("control_token", token) if token else None


def not_text(text: str) -> str | None:
    """Return the name of the first character that is none, such as `the character U+0000`."""
    found = _NOT_TEXT.search(text)
    return f"the character U+{ord(found.group()):04X}" if found else None
