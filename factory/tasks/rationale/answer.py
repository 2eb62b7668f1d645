"""The final answer of a rationale, found and brought into a form in which two answers can be compared: as
mathematics, else as text.

Promise: numbers are compared by value to six places (`3/4` is `0.75`, `1,200` is `1200`), with units,
currency and per-cent signs set aside where exactly one number stands in the answer; text without case,
punctuation and articles, but with its numbers, signs included. Linear time. Not promised: algebra (an answer
that is still to be worked out is text), units converted into each other, numbers in words.
"""

import re
import unicodedata

from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError

_MARK = re.compile(r"(?:final answer|answer|答案)(?:\s*(?:is|是|为))?\s*[:：]\s*", re.IGNORECASE)
_EMPHASIS = "*# \n"
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


def split_answer(text: str) -> tuple[str, str] | None:
    """Return (rationale, answer) at the last mark `Answer:` or `答案：`, or None if there is no mark or
    nothing on one side of it."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    rationale, rest = (
        text[: marks[-1].start()].rstrip(_EMPHASIS).strip(),
        text[marks[-1].end() :].lstrip(_EMPHASIS).strip(),
    )
    answer = rest.splitlines()[0].strip("* ").strip() if rest else ""
    return (rationale, answer) if rationale and answer else None


def ends_with_answer(text: str) -> bool:
    """Whether the line of the answer is the last, and no space is around the text."""
    last = list(_MARK.finditer(text))[-1:]
    return (
        bool(last)
        and text == text.strip()
        and len(text[last[0].end() :].lstrip(_EMPHASIS).strip().splitlines()) == 1
    )


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
