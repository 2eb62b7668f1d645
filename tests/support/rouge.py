"""ROUGE-L between two short texts, as plainly as it can be written: the files in `data/` are held to it by
brute force.

It shares nothing with `factory.text.rouge`, on purpose: what the factory counts with a library's subsequences
over its own tokens, tests and benchmarks count again with these. Method: Lin 2004, "ROUGE: A Package for
Automatic Evaluation of Summaries", section 3.1, with precision and recall weighted alike. Not promised: speed
on long texts, stemming, other scripts than Latin and Chinese.
"""

import re
from collections.abc import Sequence
from functools import cache

_TOKEN = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")


@cache
def tokens(text: str) -> tuple[str, ...]:
    """Return lower-cased words and numbers, and single Chinese characters."""
    return tuple(_TOKEN.findall(text.lower()))


def rouge_l(left: str, right: str) -> float:
    """Return the F-measure of the longest common subsequence, between 0 and 1; 0 if either text has no
    tokens."""
    one, other = tokens(left), tokens(right)
    common = longest_common_subsequence(one, other)
    return 2 * common / (len(one) + len(other)) if common else 0.0


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return its length, by the textbook's table."""
    row = [0] * (len(other) + 1)
    for token in one:
        diagonal = 0
        for column, against in enumerate(other, 1):
            diagonal, row[column] = (
                row[column],
                diagonal + 1 if token == against else max(row[column], row[column - 1]),
            )
    return row[-1]
