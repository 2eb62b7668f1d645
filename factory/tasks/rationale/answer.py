"""The short form of a final answer, which ids of samples are made of, so that it never changes.

Promise: a number as the calculator writes it where exactly one number stands in the answer, else its words
without case, punctuation and articles. Linear time. It forgets what decides (units, signs between letters):
whether two answers are the same is for `factory.text.answers.equality` to say.
"""

import re
import unicodedata

from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError

# NFKC writes 10² as 102 and 1½ as 11/2.
_BEFORE_RAISED = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹¼-¾⅐-⅞])")
_CURRENCY = re.compile(r"(-?)[$€£¥]")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
# Words with digits (m2, x1), numbers with an exponent, numbers and chains of them (1/2, 1/2/2024, 1.5.2),
# words.
_TOKEN = re.compile(
    r"[a-z]+\d[a-z\d]*|\d+(?:\.\d+)?e[+-]?\d+"
    r"|(?P<number>(?:(?<![\w.)])-)?(?:\d+|(?<!\d)\.\d+)(?:\.\d+)*(?:\s*/\s*\d+(?:\.\d+)*)*)|[^\W\d_]+"
)
_PLAIN = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:/\d+(?:\.\d+)?)?")
_LEADING_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_ARTICLES = ("the", "a", "an")


def normal_answer(answer: str) -> str:
    """Return the normal form of an answer: a number as the calculator writes it, or text."""
    whole = unicodedata.normalize("NFKC", _BEFORE_RAISED.sub(" ", answer)).casefold()
    whole = " ".join(unicodedata.normalize("NFKC", whole).replace("−", "-").replace("⁄", "/").split())
    text = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), _CURRENCY.sub(r" \1", whole))
    numbers: list[str] = []
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        tokens.append(match.group())
        if match["number"]:
            tokens[-1] = _number(match["number"])
            numbers.append(tokens[-1])
    if len(numbers) == 1:
        return numbers[0]
    # A final `a` is kept: it may be option A. An answer without a word may be a sign.
    kept = [token for place, token in enumerate(tokens) if token not in _ARTICLES or place == len(tokens) - 1]
    return " ".join(kept) or whole.strip("*`\"'“”.。 ") or whole


def _number(text: str) -> str:
    plain = _LEADING_ZEROS.sub("", "".join(text.split()))
    try:
        return evaluate(plain) if _PLAIN.fullmatch(plain) else plain
    except ToolError:
        return plain
