"""Whether two final answers are the same answer.

Promise: `compare` never raises and never hangs, whatever the texts: what is too large is not read, and
formulas are worked out in a child process with hard limits. It is symmetric, and every text is the same as
itself. It says `equal` only of what is proved; `different` of what is plainly another answer, and
`undecided`, which counts as not equal, of the rest. Not promised: that it is transitive (`5` is `5 km`, and
`5 m`), or that every equal pair is found.

The order: spelling, yes and no, options, quantities, parts (each compared in turn), formulas, words.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from factory.text.answers.algebra import Stopped, same_formula
from factory.text.answers.formula import TooLarge, to_latex
from factory.text.answers.quantity import FEWEST_PLACES, Quantity, read_quantity, same_quantity
from factory.text.answers.spelling import spell
from factory.text.answers.structure import Parts, assigned, interval, parse
from factory.text.answers.words import Option, is_plain, read_option, read_truth, same_truth, words_of

MAX_CHARACTERS = 2000  # of an answer that is compared with another than itself
_MOST_QUESTIONS = 64  # to the library of mathematics, of one pair
_MOST_UNORDERED = 8
_DATE = re.compile(r"\d{1,4}(?:[-/.]\d{1,4}){2,}|\d{1,2}(?::\d\d){1,2}")  # or a time of day
_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_GRID = re.compile(r"\d+\s*×\s*\d+")
_DASH = re.compile(r"\s*[-–−]\s*")
_RANGE = re.compile(r"[\d.]+\s*[-–−]\s*[\d.]+")


@dataclass(frozen=True)
class Comparison:
    """What was found: equal, different, or neither is proved; `detail` says why it is not."""

    equal: bool
    decided: bool = True
    detail: str = ""


class Undecided(Exception):
    """Nothing can be said about the pair; the message says why."""


EQUAL, DIFFERENT = Comparison(True), Comparison(False)


@lru_cache(8192)
def compare(one: str, other: str) -> Comparison:
    """Return whether two answers are the same."""
    if one.strip() == other.strip():
        return EQUAL
    if max(len(one), len(other)) > MAX_CHARACTERS:
        return Comparison(False, False, f"an answer has more than {MAX_CHARACTERS} characters")
    try:
        same = _Pair().same(spell(one), spell(other), 0)
    except Undecided as error:
        return Comparison(False, False, str(error))
    if same is None:
        return Comparison(False, False, "neither equal nor different by any rule")
    return EQUAL if same else DIFFERENT


class _Pair:
    """One comparison, with what it may still ask of the library of mathematics."""

    def __init__(self) -> None:
        self._asked = 0

    def same(self, one: str, other: str, depth: int) -> bool | None:
        if one == other:
            return True
        # In one order, so that it cannot matter which of them is the reference.
        one, other = sorted((one, other))
        if depth > 3:
            raise Undecided("lists are nested too deeply")
        if (truth := read_truth(one)) and (second := read_truth(other)):
            return same_truth(truth, second)
        quantities = read_quantity(one), read_quantity(other)
        if quantities[0] and quantities[1]:
            return same_quantity(quantities[0], quantities[1])
        options = read_option(one), read_option(other)
        if options[0] and options[1]:
            return self._options(options[0], options[1], depth)
        parts = parse(one), parse(other)
        if parts[0] or parts[1]:
            return self._parts(one, other, *parts, depth)
        dates = [text for text in (one, other) if _DATE.fullmatch(text)]
        if dates:
            return _ZEROS.sub("", one) == _ZEROS.sub("", other) if len(dates) == 2 else None
        return self._formulas(one, other, *quantities)

    def _options(self, first: Option, second: Option, depth: int) -> bool | None:
        if first.letter != second.letter:
            return False
        if not first.text or not second.text:
            return True
        return self.same(first.text, second.text, depth + 1) or None

    def _parts(
        self, one: str, other: str, first: Parts | None, second: Parts | None, depth: int
    ) -> bool | None:
        if first is None or second is None:
            parts, text = (first, other) if first else (second, one)
            assert parts is not None
            value = assigned(parts)
            if value is None and parts.kind == "set" and len(parts.parts) == 1:
                (value,) = parts.parts
            return _words(one, other) if value is None else self.same(value, text, depth + 1)
        if "relation" in (first.kind, second.kind):
            return self._relations(one, other, first, second, depth)
        if {first.kind, second.kind} == {"set", "list"} or first.kind == second.kind:
            return self._members(first, second, depth)
        return None

    def _members(self, first: Parts, second: Parts, depth: int) -> bool | None:
        if first.brackets != second.brackets:
            return False
        if len(first.parts) != len(second.parts):
            return False if all(map(_is_exact, (*first.parts, *second.parts))) else None
        told = [self.same(*pair, depth + 1) for pair in zip(first.parts, second.parts, strict=True)]
        exact = first.ordered or all(map(_is_exact, (*first.parts, *second.parts)))
        if all(told):
            return True if exact or first.either == second.either else None
        if first.ordered:
            return False if False in told else None
        # Words may stand in an order that matters.
        if len(told) > _MOST_UNORDERED or not exact:
            return None
        left, open_ended = list(second.parts), False
        for part in first.parts:
            answers = [self.same(part, candidate, depth + 1) for candidate in left]
            if True in answers:
                left.pop(answers.index(True))
            else:
                open_ended |= None in answers
        return not left if not left or not open_ended else None

    def _relations(self, one: str, other: str, first: Parts, second: Parts, depth: int) -> bool | None:
        ranges = interval(_inside(first)), interval(_inside(second))
        if ranges[0] and ranges[1]:
            letters = {part for parts in (first, second) for part in parts.parts if parts.kind == "relation"}
            return self._members(ranges[0], ranges[1], depth) if _one_letter(first, second, letters) else None
        if first.kind != second.kind:
            related, listed = (first, second) if first.kind == "relation" else (second, first)
            value = assigned(_inside(related))
            text = other if related is first else one
            return None if value is None else self.same(value, text, depth + 1)
        values = assigned(first), assigned(second)
        if values[0] is not None and values[1] is not None:
            same = self.same(values[0], values[1], depth + 1)
            return same if _ZEROS.sub("", first.parts[0]) == second.parts[0] else (None if same else same)
        if first.operators != second.operators:
            return None
        told = [self.same(*pair, depth + 1) for pair in zip(first.parts, second.parts, strict=True)]
        if all(told):
            return True
        return self._equations(first, second)

    def _equations(self, first: Parts, second: Parts) -> bool | None:
        if len(first.parts) != 2 or first.operators[0] not in "=<≤≠":
            return None
        sides = [[_latex(side) for side in parts.parts] for parts in (first, second)]
        if any(side is None for one in sides for side in one):
            return None
        return self._ask(*([str(side) for side in one] for one in sides), relation=first.operators[0])

    def _formulas(self, one: str, other: str, first: Quantity | None, second: Quantity | None) -> bool | None:
        if _GRID.fullmatch(one) and _GRID.fullmatch(other):
            return None  # 3 × 4 is not 4 × 3 where rows and columns are meant
        if _RANGE.fullmatch(one) or _RANGE.fullmatch(other):
            # 5-6 is -1, or from 5 to 6.
            return True if _DASH.sub("-", one) == _DASH.sub("-", other) else None
        latex = _latex(one), _latex(other)
        if latex[0] is None or latex[1] is None:
            return _words(one, other)
        # With a unit or a name it is more than a formula.
        if any(quantity and not quantity.bare for quantity in (first, second)):
            return None
        places = max(quantity.places if quantity else 0 for quantity in (first, second))
        same = self._ask([latex[0]], [latex[1]], places=places if places >= FEWEST_PLACES else 0)
        return same if same is not None else _words(one, other) or None

    def _ask(self, one: list[str], other: list[str], *, relation: str = "", places: int = 0) -> bool | None:
        self._asked += 1
        if self._asked > _MOST_QUESTIONS:
            raise Undecided("it takes too many steps to work out")
        try:
            return same_formula(one, other, relation, places=places, fresh=self._asked == 1)
        except Stopped:
            raise Undecided("it takes too long to work out") from None


def _latex(text: str) -> str | None:
    try:
        return to_latex(text)
    except TooLarge as error:
        raise Undecided(f"not worked out: {error}") from None


def _inside(parts: Parts) -> Parts:
    """What `x ∈ [0,1)` says of `x`."""
    if parts.kind == "relation" and parts.operators == ("∈",):
        return parse(parts.parts[1]) or parts
    return parts


def _one_letter(first: Parts, second: Parts, sides: set[str]) -> bool:
    """Whether no relation is about another letter than the other one is."""
    letters = [
        {side for side in parts.parts if re.fullmatch(r"[A-Za-z]|\\[a-z]+", side)} - {r"\pi", "e"}
        for parts in (first, second)
        if parts.kind == "relation"
    ]
    return len(letters) < 2 or letters[0] == letters[1]


def _is_exact(text: str) -> bool:
    """Whether a part is a number, a formula or a relation, and no words."""
    if read_quantity(text) is not None:
        return True
    parts = parse(text)
    if parts is not None:
        return all(map(_is_exact, parts.parts)) or assigned(parts) is not None and _is_exact(parts.parts[-1])
    try:
        return to_latex(text) is not None and re.fullmatch(r"[A-J]", text) is None
    except TooLarge:
        return False


def _words(one: str, other: str) -> bool | None:
    first, second = words_of(one), words_of(other)
    if first and first == second and (is_plain(one) and is_plain(other) or _bare(one) == _bare(other)):
        return True
    return False if is_plain(one) and is_plain(other) else None


def _bare(text: str) -> str:
    return " ".join(text.casefold().split())
