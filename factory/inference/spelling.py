"""The text of an answer's tokens."""

from collections.abc import Sequence
from typing import Any


def special_marks(tokenizer: Any, marks: Sequence[str]) -> frozenset[int]:
    """Return the ids of those marks that are special tokens of a tokenizer, which decoding leaves out."""
    special = set(tokenizer.all_special_ids) | _added_special(tokenizer)
    ids = [tokenizer.encode(mark, add_special_tokens=False) for mark in marks]
    return frozenset(one[0] for one in ids if len(one) == 1 and one[0] in special)


def spelled(tokenizer: Any, token_ids: Sequence[int], kept: frozenset[int]) -> str:
    """Return the text without special tokens, but with those `kept`: marks of a call, without which it is
    none."""
    if kept.isdisjoint(token_ids):
        return str(tokenizer.decode(token_ids, skip_special_tokens=True))
    left_out = (set(tokenizer.all_special_ids) | _added_special(tokenizer)) - kept
    left = [one for one in token_ids if one not in left_out]
    return str(tokenizer.decode(left, skip_special_tokens=False))


def _added_special(tokenizer: Any) -> set[int]:
    return {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
