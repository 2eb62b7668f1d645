"""Detection of repetition: loops that language models fall into.

Three signs, in the spirit of Gopher's repetition filters (Rae et al. 2021, A1.1) and of distinct-n (Li et al.
2016), with limits that leave refrains, tables, matrices, code and laughter alone: a run of one character, a
block of words said over and over without a pause, and a long text of few different word 4-grams. Not
promised: repetition in other words.
"""

import re

import numpy as np

from factory.text.rouge import tokens

# A googol written out has 100 zeros; a rule of dashes may be wider than a page.
_RUN = re.compile(r"([^\W\d_])\1{29,}|(\d)\2{149,}|([^\w\s])\3{399,}|(\s)\4{499,}")
_LONGEST_BLOCK = 64
_LOOPED_TOKENS, _LOOPS = 40, 5
_ENOUGH_TOKENS, _LEAST_DISTINCT = 60, 0.3


def repetition(text: str) -> str | None:
    """Return what is repeated in a text, for a person, or None."""
    if run := _RUN.search(text):
        return f"{run.group()[0]!r} {len(run.group())} times in a row"
    words = tokens(text)
    if len(words) < _LOOPED_TOKENS:
        return None
    if block := _loop(words):
        return f"again and again: {' '.join(block)[:100]}"
    lettered = sum(any(map(str.isalpha, token)) for token in words)
    grams = [tuple(words[place : place + 4]) for place in range(len(words) - 3)]
    if (
        len(words) >= _ENOUGH_TOKENS
        and lettered * 2 > len(words)
        and len(set(grams)) < _LEAST_DISTINCT * len(grams)
    ):
        return f"{len(set(grams))} different 4-grams of {len(grams)}"
    return None


def _loop(words: list[str]) -> list[str] | None:
    """Return a block of tokens that is repeated at once, often and for long; blocks of numbers alone are
    data."""
    numbers: dict[str, int] = {}
    ids = np.array([numbers.setdefault(token, len(numbers)) for token in words])
    for period in range(1, min(_LONGEST_BLOCK, len(words) // _LOOPS) + 1):
        breaks = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate([[-1], breaks, [len(words) - period]])
        gaps = np.diff(edges) - 1
        widest = int(gaps.argmax())
        length, start = int(gaps[widest]) + period, int(edges[widest]) + 1
        block = words[start : start + period]
        if length >= max(_LOOPED_TOKENS, _LOOPS * period) and any(
            any(map(str.isalpha, token)) for token in block
        ):
            return block
    return None
