"""The parts of an answer: a list, a set, a point or an interval, a chain of relations.

Promise: `parse` takes a spelt text apart once; its parts are texts again. Brackets decide: `[0,1)` is not
`(0,1]`, and what is between brackets is in order. A list without brackets, and a set, have no order. Linear
time.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from factory.text.answers.spelling import SET_CLOSE, SET_OPEN

MOST_PARTS = 24
Kind = Literal["list", "words", "set", "bracket", "union", "relation", "matrix"]

_CLOSING = {"(": ")]", "[": ")]", "{": "}", SET_OPEN: SET_CLOSE, "]": "[)", "⟨": "⟩"}
_OPENERS, _CLOSERS = "([{⦃⟨", ")]}⦄⟩"
_RELATIONS = "=<>≤≥≠∈"
_ASCII_RELATIONS = (("<=", "≤"), (">=", "≥"), ("!=", "≠"), ("=<", "≤"), ("==", "="))
# One letter is a word only between numbers: `x y + 2` is a formula.
_AND = re.compile(
    r"\s+(?:and|or|und|oder|et|ou)\s+|(?<=\d)\s+[yoe]\s+(?=-?\d|[a-z]\s*=)|\s*(?:和|或|与|及|、)\s*",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*[,;]\s*(?:(?:and|or|und|oder|et|ou)\s+)?", re.IGNORECASE)
_OR = re.compile(r"\b(?:or|oder|ou|o)\b|或", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_MATRIX = re.compile(r"\\begin\s*\{([bpvV]?matrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\s*\{\1\}", re.DOTALL)
_NAME = r"(?:\\[A-Za-z]+\s*|[A-Za-z])(?:_\{?\w{1,8}\}?)?'{0,2}(?:\s*\(\s*[a-z]\s*\))?"
_ASSIGNED = re.compile(rf"{_NAME}|[^\W\d_]{{1,20}}(?: [^\W\d_]{{1,20}}){{0,4}}")


@dataclass(frozen=True)
class Parts:
    """What an answer is made of: `brackets` are the two around a bracket, `operators` those of a relation,
    all in the direction of `<`, `either` says that a list has an `or`."""

    kind: Kind
    parts: tuple[str, ...]
    brackets: str = ""
    operators: tuple[str, ...] = ()
    either: bool = False

    @property
    def ordered(self) -> bool:
        return self.kind in ("bracket", "matrix", "relation")


def parse(text: str) -> Parts | None:
    """Return the parts of a spelt text; None if it has none, or more than `MOST_PARTS`."""
    for written, sign in _ASCII_RELATIONS:
        text = text.replace(written, sign)
    if (matrix := _MATRIX.fullmatch(text)) is not None:
        rows = [row.split("&") for row in re.split(r"\\\\|\\cr", matrix[2]) if row.strip()]
        shape = "x".join(str(len(row)) for row in rows)
        return _limited(Parts("matrix", tuple(cell.strip() for row in rows for cell in row), shape))
    depths = _depths(text)
    if depths is None:
        return None
    top = [place for place, depth in enumerate(depths) if depth == 0]
    found = (
        _union(text, top)
        or _bracket(text, depths)
        or _list(text, depths)
        or _relation(text, top)
        or _both_signs(text)
    )
    return found and _limited(found)


def _limited(parts: Parts) -> Parts | None:
    return parts if len(parts.parts) <= MOST_PARTS and all(part.strip() for part in parts.parts) else None


def _depths(text: str) -> list[int] | None:
    """How many brackets are open at each sign, a bracket itself counted as inside; None if they do not fit.
    An interval may turn its brackets outwards (`]0,1[`)."""
    if re.fullmatch(r"[\][(][^\][(){}]*[,;][^\][(){}]*[\][)]", text):
        return [1] * len(text)
    depths, depth = [], 0
    for sign in text:
        depth += sign in _OPENERS
        depths.append(depth)
        depth -= sign in _CLOSERS
        if depth < 0:
            return None
    return None if depth else depths


def _union(text: str, top: list[int]) -> Parts | None:
    cuts = [place for place in top if text[place] == "∪"]
    return Parts("union", _cut(text, [(place, place + 1) for place in cuts])) if cuts else None


def _bracket(text: str, depths: list[int]) -> Parts | None:
    if len(text) < 2 or text[0] not in _CLOSING or text[-1] not in _CLOSING[text[0]] or min(depths) < 1:
        return None
    # `(1)+(2)` opens and closes twice.
    if any(depth == 1 and sign in _CLOSERS for depth, sign in zip(depths[1:-1], text[1:-1], strict=True)):
        return None
    inside = text[1:-1].strip()
    if not inside:
        return None
    deeper = (
        [depth - 1 for depth in depths[1:-1]] if text[0] != "]" and text[-1] != "[" else [0] * (len(text) - 2)
    )
    lead = len(text[1:-1]) - len(text[1:-1].lstrip())
    cuts = _commas(inside, deeper[lead : lead + len(inside)])
    if text[0] in ("{", SET_OPEN):
        return Parts("set", _cut(inside, cuts))
    if not cuts:
        return None
    brackets = {"]": "("}.get(text[0], text[0]) + {"[": ")"}.get(text[-1], text[-1])
    return Parts("bracket", _cut(inside, cuts), brackets)


def _list(text: str, depths: list[int]) -> Parts | None:
    cuts = _commas(text, depths)
    cuts += [found.span() for found in _AND.finditer(text) if depths[found.start()] == 0]
    cuts = sorted(cuts)
    if not cuts or any(second[0] < first[1] for first, second in pairwise(cuts)):
        return None
    return Parts("list", _cut(text, cuts), either=any(_OR.search(text[start:end]) for start, end in cuts))


def _commas(text: str, depths: list[int]) -> list[tuple[int, int]]:
    inside = {place for found in _THOUSANDS.finditer(text) for place in range(*found.span())}
    return [
        found.span()
        for found in _SEPARATOR.finditer(text)
        if depths[found.start()] == 0
        and not any(place in inside for place in range(*found.span()) if text[place] == ",")
    ]


def _relation(text: str, top: list[int]) -> Parts | None:
    cuts = [(place, place + 1) for place in top if text[place] in _RELATIONS]
    if not cuts or len(cuts) > 4:
        return None
    operators = [text[start] for start, _ in cuts]
    sides = list(_cut(text, cuts))
    if set(operators) & set(">≥") and not set(operators) & set("<≤"):
        operators = [{">": "<", "≥": "≤"}.get(sign, sign) for sign in reversed(operators)]
        sides.reverse()
    return Parts("relation", tuple(sides), operators=tuple(operators))


def _both_signs(text: str) -> Parts | None:
    """`2 ± 3` is two values."""
    if text.count("±") != 1 or text.endswith("±"):
        return None
    return Parts("list", tuple(text.replace("±", sign).strip().removeprefix("+").strip() for sign in "+-"))


def _cut(text: str, cuts: list[tuple[int, int]]) -> tuple[str, ...]:
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text)]
    return tuple(text[start:end].strip() for start, end in zip(starts, ends, strict=True))


def assigned(parts: Parts) -> str | None:
    """Return the value of `name = value`, the last of a chain; None for any other relation."""
    if parts.kind != "relation" or set(parts.operators) != {"="} or not is_name(parts.parts[0]):
        return None
    return parts.parts[-1]


def is_name(text: str) -> bool:
    """Whether a text is a letter, `x_1`, `f(x)`, or words that name something."""
    return _ASSIGNED.fullmatch(text) is not None


def interval(parts: Parts) -> Parts | None:
    """Return the interval that a relation of one letter means: `1 < x ≤ 2`, `x > 5`, `x ∈ [0,1)`."""
    if parts.kind == "bracket" and len(parts.parts) == 2:
        return parts
    if parts.kind != "relation" or not set(parts.operators) <= set("<≤"):
        return None
    letter = re.compile(_NAME)
    if len(parts.parts) == 2:
        low, high = parts.parts
        (sign,) = parts.operators
        if letter.fullmatch(low) and not letter.fullmatch(high):
            return Parts("bracket", ("-∞", high), "(" + (")" if sign == "<" else "]"))
        if letter.fullmatch(high) and not letter.fullmatch(low):
            return Parts("bracket", (low, "∞"), ("(" if sign == "<" else "[") + ")")
        return None
    if len(parts.parts) == 3 and letter.fullmatch(parts.parts[1]):
        first, second = parts.operators
        return Parts(
            "bracket",
            (parts.parts[0], parts.parts[2]),
            ("(" if first == "<" else "[") + (")" if second == "<" else "]"),
        )
    return None
