"""A stored distribution that does not belong to its tokens is told by a reason."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.tasks.stored_distribution import stored_fault

VOCABULARY = 30


def _answer(seed: int, length: int = 6, k: int = 4) -> list:
    """Return tokens, their logprobs, and the likeliest tokens with theirs, of a teacher that is made up."""
    chance = random.Random(seed)
    tokens, logprobs, topk_ids, topk_logprobs = [], [], [], []
    for _ in range(length):
        weights = [math.exp(chance.gauss(0, 2)) for _ in range(VOCABULARY)]
        logs = [math.log(weight / sum(weights)) for weight in weights]
        ranked = sorted(range(VOCABULARY), key=lambda token: -logs[token])[:k]
        token = chance.choices(range(VOCABULARY), weights)[0]
        tokens.append(token)
        logprobs.append(logs[token])
        topk_ids.append(ranked)
        topk_logprobs.append([logs[each] for each in ranked])
    return [tokens, logprobs, topk_ids, topk_logprobs]


@given(seed=st.integers(0, 10_000), length=st.integers(1, 8), k=st.integers(1, VOCABULARY))
def test_what_belongs_together_is_taken_wherever_the_drawn_token_lies(seed: int, length: int, k: int) -> None:
    assert stored_fault(*_answer(seed, length, k), VOCABULARY) == ""


@given(seed=st.integers(0, 10_000))
def test_a_shift_by_one_is_found(seed: int) -> None:
    tokens, logprobs, ids, logs = _answer(seed, length=40)
    assert stored_fault(tokens[1:], logprobs[:-1], ids[:-1], logs[:-1], VOCABULARY) == "other_token"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t, p, i, v: (t, None, i, v), "no_logprobs"),
        (lambda t, p, i, v: (t, p, None, None), "no_logprobs"),
        (lambda t, p, i, v: (t[:-1], p, i, v), "other_length"),
        (lambda t, p, i, v: (t, p, i[:-1], v), "other_length"),
        (lambda t, p, i, v: (t, p, [row[:-1] for row in i], v), "other_length"),
        (lambda t, p, i, v: (t, p, [[]] * len(i), [[]] * len(i)), "other_length"),
        (lambda t, p, i, v: (t, p, [[VOCABULARY, *row[1:]] for row in i], v), "other_vocabulary"),
        (lambda t, p, i, v: ([-1] * len(t), p, i, v), "other_vocabulary"),
        (lambda t, p, i, v: (t, p, [[row[0]] * len(row) for row in i], v), "no_distribution"),
        (lambda t, p, i, v: (t, p, i, [row[::-1] for row in v]), "no_distribution"),
        (lambda t, p, i, v: (t, p, i, [[float("nan"), *row[1:]] for row in v]), "no_distribution"),
        (lambda t, p, i, v: (t, p, i, [[-0.1, -0.1, *row[2:]] for row in v]), "no_distribution"),
        (lambda t, p, i, v: (t, p, i, [[0.5, *row[1:]] for row in v]), "no_distribution"),
        (lambda t, p, i, v: (t, [-1e-9] * len(p), i, v), "other_token"),
        (lambda t, p, i, v: ([row[0] for row in i], [row[0] - 0.1 for row in v], i, v), "other_token"),
    ],
)
def test_what_does_not_fit_says_why(change, reason: str) -> None:
    assert stored_fault(*change(*_answer(3)), VOCABULARY) == reason
