"""Bounding of an answer to what the store can keep, so that it reads back unchanged.

Promise: at most `MAX_CHARACTERS` of text, which is five times what any kind reads, and no lone surrogate;
what was done to it shows in it. A server may send megabytes whatever `max_tokens` says: neither the memory of
a run nor its store grows with them. An answer that needs nothing done comes back as it is. Not promised: that
what a server sends is small while it is being received.
"""

import dataclasses
import re

from factory.inference.request import Answer

MAX_CHARACTERS = 100_000

_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(answer: Answer) -> Answer:
    """Return the answer, its text cut with a note of its length, and then without its tokens, which spell
    more than is left.

    Lone surrogates become U+FFFD.
    """
    text = answer.text
    if len(text) > MAX_CHARACTERS:
        note = f"\n[cut here: {len(text)} characters]"
        cut = text[: MAX_CHARACTERS - len(note)] + note
        answer = dataclasses.replace(
            answer, text=cut, token_ids=None, token_logprobs=None, topk_ids=None, topk_logprobs=None
        )
    if _SURROGATE.search(answer.text):
        answer = dataclasses.replace(answer, text=_SURROGATE.sub("\ufffd", answer.text))
    return answer
