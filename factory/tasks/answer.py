"""The final answer of a rationale, found and brought into a form in which two answers can be compared: as mathematics, else as text.

Promise: numbers are compared exactly (`3/4` is `0.75`, `1,200` is `1200`), with units, currency and per-cent signs set aside where exactly
one number stands in the answer; text without case, punctuation and articles. Not promised: algebra, or units converted into each other.
"""

import re
import unicodedata

from factory.tools.calculator import evaluate
from factory.tools.errors import ToolError

_MARK = re.compile(r"(?:final answer|answer|答案)\s*(?:is|是|为)?\s*[:：]\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:\s*/\s*\d+(?:\.\d+)?)?")
_THOUSANDS = re.compile(r"(?<=\d)[,，](?=\d{3}(?!\d))")
_ARTICLE = re.compile(r"\b(?:the|a|an)\b")


def split_answer(text: str) -> tuple[str, str] | None:
    """Return (rationale, answer) at the last mark `Answer:` or `答案：`, or None if there is no mark or nothing on one side of it."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    rationale, rest = text[: marks[-1].start()].strip(), text[marks[-1].end() :].strip()
    answer = rest.splitlines()[0].strip() if rest else ""
    return (rationale, answer) if rationale and answer else None


def normal_answer(answer: str) -> str:
    """Return the normal form of an answer: a number as the calculator writes it, or text."""
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", answer).strip().strip("*`\"'“”.。").strip())
    try:
        return evaluate(text.strip("$€£¥%"))
    except ToolError:
        pass
    numbers = _NUMBER.findall(text)
    if len(numbers) == 1:
        try:
            return evaluate(numbers[0])
        except ToolError:
            pass
    return " ".join(re.findall(r"\w+", _ARTICLE.sub(" ", text.casefold())))
