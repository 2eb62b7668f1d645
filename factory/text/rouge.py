"""ROUGE-L between two texts, and the tokens it is counted over.

The F-measure of ROUGE-L (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries") with beta 1:
twice the longest common subsequence over the sum of both lengths. Promise: symmetric, between 0 and 1, 1 for
texts with the same tokens. No stemming, no stop words: Self-Instruct's and Alpaca's rule of 0.7 uses none
either. Not promised: equality with scores over a stemmer's or a model's tokens.
"""

import re
import unicodedata

from rapidfuzz.distance import LCSseq

# Scripts written without spaces count by character: Han, kana, Thai, Lao, Myanmar, Khmer.
UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_TOKEN = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
_SIGN = re.compile(r"\S")


def tokens(text: str) -> list[str]:
    """Return the words of a text, case and width set aside; characters where a script has no spaces.

    Punctuation is left out, unless there is nothing else: then every sign is a token.
    """
    normal = unicodedata.normalize("NFKC", text).casefold()
    return _TOKEN.findall(normal) or _SIGN.findall(normal)


def rouge_l(first: str, second: str) -> float:
    """Return the F-measure of ROUGE-L of two texts, 0 to 1. Two texts without any token are alike: 1."""
    left, right = tokens(first), tokens(second)
    if not left and not right:
        return 1.0
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right))
