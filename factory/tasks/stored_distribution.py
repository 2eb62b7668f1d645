"""Validation of stored distributions: does the one stored with an answer belong to the answer's tokens?

Promise: a distribution that does not fit is rejected with a reason. That the drawn tokens' own logprobs
are in it, place by place, proves that nothing was shifted, cut or mixed up. Not promised: that
the teacher would say the same again.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from factory.text.reasons import ReasonCode

_ROUNDING = 1e-3  # of a sum of probabilities and of a logprob: servers round, and work in bfloat16


def stored_fault(
    tokens: Sequence[int],
    logprobs: Sequence[float] | None,
    topk_ids: Sequence[Sequence[int]] | None,
    topk_logprobs: Sequence[Sequence[float]] | None,
    vocabulary: int,
) -> ReasonCode | Literal[""]:
    """Return why the stored distribution of an answer cannot be used, or nothing: a reason code.

    `tokens` (length) and their `logprobs` are what was drawn, `topk_ids` and `topk_logprobs` (length, k) what
    was likeliest, by rank. no_logprobs: none were stored. other_length: not one distribution for each token.
    other_vocabulary: an id that the student does not have. no_distribution: not the beginning of one.
    other_token: it has another logprob for the drawn token.
    """
    if not logprobs or not topk_ids or not topk_logprobs:
        return "no_logprobs"
    if not len(tokens) == len(logprobs) == len(topk_ids) == len(topk_logprobs):
        return "other_length"
    for token, logprob, ids, logs in zip(tokens, logprobs, topk_ids, topk_logprobs, strict=True):
        if not ids or len(ids) != len(logs):
            return "other_length"
        if not all(0 <= each < vocabulary for each in (token, *ids)):
            return "other_vocabulary"
        if not _is_beginning(ids, logs):
            return "no_distribution"
        known = dict(zip(ids, logs, strict=True))
        if abs(known[token] - logprob) > _ROUNDING if token in known else logprob > logs[-1] + _ROUNDING:
            return "other_token"
    return ""


def _is_beginning(ids: Sequence[int], logprobs: Sequence[float]) -> bool:
    return (
        len(set(ids)) == len(ids)
        and all(math.isfinite(each) and each <= _ROUNDING for each in logprobs)
        and all(first >= second for first, second in pairwise(logprobs))
        and sum(map(math.exp, logprobs)) <= 1 + _ROUNDING
    )
