"""Chat control tokens in text: tokens that would end the turn in a chat template.

Promise: found are the control tokens of every chat format, because a sample may be learnt in any of them,
and those of the families that write `<|name|>` (DeepSeek's with the full-width bar) or mark reasoning. Not
promised: every token of every tokenizer.
"""

import re

from factory.chat_formats.formats import FORMATS

_FAMILIES = r"<[|｜][^<>\s]{1,64}[|｜]>|</?think>"
_CONTROL = re.compile(
    "|".join([_FAMILIES, *(re.escape(token) for one in FORMATS.values() for token in one.control_tokens)])
)


def control_token(text: str) -> str | None:
    """Return the first control token in a text, or None."""
    found = _CONTROL.search(text)
    return found.group() if found else None
