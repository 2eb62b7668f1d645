"""Judge of a final answer for evaluators of others: is it the expected one?

This file is copied into exported task folders, so it needs nothing but Python. Where distill-factory is
installed the answer is found and compared by it, formulas as mathematics. Without it the answer is what
stands behind the last `Answer:`, `####` or in `\\boxed{}`, and has to be the same number or the same text:
some right answers count as wrong then.
"""

import re
from fractions import Fraction
from typing import Any

_MARKED = re.compile(
    r"(?:answer|答案|答え)\**\s*(?:is)?\s*[:：]\s*(.+)|^####\s*(.+)|\\boxed\{([^{}]+)\}", re.I | re.M
)


def judge(answer: dict[str, Any], expected: Any, about: dict[str, Any]) -> dict[str, bool]:
    """Return the verdict on an answer, {"text"}; `about` has a recipe's own mark of answers, or None."""
    try:
        from factory.tasks.rationale.marks import split_answer
        from factory.text.answers.equality import compare
    except ImportError:
        final = _final(answer["text"], about["answer_mark"])
        right = final is not None and _plain(final) == _plain(expected)
    else:
        parts = split_answer(answer["text"], about["answer_mark"])
        final = None if parts is None else parts[1]
        right = final is not None and compare(final, expected).equal
    return {"answer_accuracy": right, "parse_rate": final is not None}


def _final(text: str, mark: str | None) -> str | None:
    if mark:
        before, _, after = text.rpartition(mark)
        return after.strip() if before.strip() and after.strip() else None
    marked = [*_MARKED.finditer(text)]
    return next(filter(None, marked[-1].groups())).strip() if marked else None


def _plain(text: str) -> Any:
    said = " ".join(text.casefold().strip("*$ .。").split())
    try:
        return Fraction(re.sub(r"(?<=\d),(?=\d{3}\b)", "", said))
    except (ValueError, ZeroDivisionError):
        return said
