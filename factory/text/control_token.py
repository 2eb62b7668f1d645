"""Chat control tokens in text: what would change whose turn it is once the text stands in a chat template.

Promise: the tokens of ChatML and of the families that write `<|name|>` alike (DeepSeek's with the full-width
bar), and the Hermes tags, are found. Not promised: every token of every tokenizer.
"""

import re

_CONTROL = re.compile(r"<[|｜][^<>\s]{1,64}[|｜]>|</?(?:tool_call|tool_response|think)>")


def control_token(text: str) -> str | None:
    """Return the first control token in a text, or None."""
    found = _CONTROL.search(text)
    return found.group() if found else None
