"""A quantity: one number with what it counts or is measured in, alone or in a short sentence.

Promise: `5 km` is `5000 m` and neither `5 m` nor `$5`; what is left out is not held against an answer
(`5` is `5 km`), and a per cent is its hundredth or, above one, its number (`50%` is `0.5` and `50`). A
sentence is a quantity only if there is one number in it and no word that changes it (`not`, `about`,
`more than`). Not promised: that things of other names are other things (`12 pears` beside `12 fruits` is
left open).
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from factory.text.answers.listed import listed
from factory.text.answers.numerals import MAGNITUDES, Number, read_number
from factory.text.answers.units import CURRENCIES, Unit, read_unit

FEWEST_PLACES = 6  # a decimal with as many may stand for a fraction that has no end
_MOST_WORDS = 9
_FILLERS = re.compile(
    r"(?:so|thus|therefore|hence|it is|it's|that is|they are|there (?:is|are)|exactly|a total of|in total|"
    r"total(?: of)?|the (?:final |correct )?answer is|answer\s*:|es sind|es ist|das sind|ce sont|c'est|son|"
    r"答案是|答案为|答案|共有|一共|总共|总计|共|等于|是|为|有)\s*:?\s*",
    re.IGNORECASE,
)
_CURRENCY = re.compile(
    r"([-+]?)\s*(" + "|".join(map(re.escape, CURRENCIES)) + r")\s*(?=[-+]?\s*[\d.\\])", re.IGNORECASE
)
_CHINESE_PERCENT = re.compile(r"([-负]?)百分之")
_FIRST = re.compile(r"[-+]?\s*(?:[\d.]|\\frac)")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b|\.?[ªº]|(?:ème|er|ter|te|º)\b")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_HAN = re.compile("[\u3400-\u9fff]")
_MAGNITUDE = re.compile(rf"\s*({'|'.join(MAGNITUDES)})\b\s*|\s*([十百千万萬亿億])", re.IGNORECASE)
_CLASSIFIERS = "个個只隻本支条條张張位名件辆輛棵朵头頭双雙对對次颗顆根份人"
# What makes another number of the one that it stands by, or leaves it open.
_CHANGES = frozenset(
    listed(
        "not no never none without except about around approximately approx roughly nearly almost "
        "circa over under above below between more less fewer least most than or and plus minus times "
        "squared cubed factorial power root square cube double triple twice thrice half quarter third "
        "to by upto maximum minimum maybe either neither nor nicht kein keine etwa rund mehr weniger "
        "mindestens höchstens oder und mal pas plus moins environ ou et no más menos o y casi sin "
        "zero one two three four five six seven eight nine ten eleven twelve hundred thousand million "
        "billion dozen pi sqrt sin cos tan log ln exp mod modulo"
    )
)
_CHANGES_HAN = re.compile(
    "[不非无無约約多少大小超至倍半负負第上下前后後左右或和与與除零〇一二两兩三四五六七八九十百千万亿]"
)
_IDLE = frozenset(
    listed(
        "left away long total altogether remaining old tall high wide deep in all together now of the "
        "a an it them is are was were that this there he she they we i you has have had his her their "
        "our my its"
    )
)


@dataclass(frozen=True)
class Quantity:
    """A number, its places behind the point, its unit (None: bare, or none that is known), and the words
    around it. `tight`: the unit is one letter at the number, and may be a variable."""

    value: Fraction
    places: int = 0
    unit: Unit | None = None
    words: tuple[str, ...] = ()
    tight: bool = False

    @property
    def bare(self) -> bool:
        return self.unit is None and not self.words


def read_quantity(text: str) -> Quantity | None:
    """Return the quantity that a spelt text is, None if it is none or may be another."""
    if len(text) > 200:
        return None
    while found := _FILLERS.match(text):
        text = text[found.end() :]
    if (bracket := re.fullmatch(r"[({]([^(){}]*)[)}]", text)) is not None:
        text = bracket[1].strip()
    if (share := _CHINESE_PERCENT.match(text)) is not None:
        number = read_number(text[share.end() :])
        text = f"{share[1]}1%" if number is None else text
        if number is None or number.rest.strip():
            return None
        value = -number.value if share[1] else number.value
        return Quantity(value, number.places, read_unit("%"))
    before = ""
    if (money := _CURRENCY.match(text)) is not None:
        before, text = money[2], money[1] + text[money.end() :]
    number = read_number(text)
    if number is None:
        return _in_a_sentence(text) if not before else None
    return _measured(number, before, ())


def _in_a_sentence(text: str) -> Quantity | None:
    """The quantity of a sentence that begins with words: `Tom has 5 apples left`."""
    first = _FIRST.search(text)
    if first is None:
        return None
    place = first.start()
    for name in CURRENCIES:
        if text[:place].rstrip("-+ ").endswith(name):
            place = text[:place].rindex(name)
            break
    words = _words(text[:place])
    if words is None or not words and text[:place].strip() or place == 0:
        return None
    inner = read_quantity(text[place:].strip())
    return None if inner is None else Quantity(
        inner.value, inner.places, inner.unit, (*words, *inner.words), inner.tight
    )  # fmt: skip


def _measured(number: Number, before: str, prefix: tuple[str, ...]) -> Quantity | None:
    value, rest = number.value, number.rest
    if (magnitude := _MAGNITUDE.match(rest)) is not None:
        value *= MAGNITUDES[(magnitude[1] or magnitude[2]).casefold()]
        rest = rest[magnitude.end() :]
    tight = rest[:1].isalpha() and rest[:1].isascii()
    rest = rest.strip()
    if (ordinal := _ORDINAL.match(rest)) is not None and number.written:
        rest, tight = rest[ordinal.end() :].strip(), False
    if _HAN.match(rest) and read_unit(rest) is None:
        rest = rest.lstrip(_CLASSIFIERS)
    unit_text = f"{before} {rest}" if before and rest.startswith(("/", "per ")) else rest
    if not rest:
        return Quantity(value, number.places, read_unit(before) if before else None)
    known = read_unit(unit_text)
    if known is not None:
        if before and unit_text == rest:
            # `$5 dollars` says it twice; `$5 km` says two things.
            return Quantity(value, number.places, known) if known == read_unit(before) else None
        return Quantity(value, number.places, known, tight=tight and len(rest) == 1)
    found = _named(rest, written=number.written, tight=tight)
    if found is None:
        return None
    unit, words = found
    if before and unit is not None:
        return None
    return Quantity(value, number.places, read_unit(before) if before else unit, words)


def _named(rest: str, *, written: bool, tight: bool) -> tuple[Unit | None, tuple[str, ...]] | None:
    """The unit and the words that follow a number, where not all of it is a unit."""
    if tight:
        return None
    if _HAN.search(rest):
        plain = not _CHANGES_HAN.search(rest) and _HAN.sub("", rest) == "" and len(rest) <= 6
        return (None, (rest,)) if plain and written else None
    parts = rest.split(" ")
    for count in range(min(3, len(parts) - 1), 0, -1):
        if (unit := read_unit(" ".join(parts[:count]))) is not None:
            words = _words(" ".join(parts[count:]))
            return None if words is None or any(word not in _IDLE for word in words) else (unit, ())
    words = _words(rest)
    if words is None or (not written and len(words) > 2):
        return None
    return None, tuple(word for word in words if word not in _IDLE)


def _words(text: str) -> tuple[str, ...] | None:
    """The words of a text, None if there is anything else in it or one that changes a number."""
    left = _WORD.sub("", text)
    if left.strip(" ,.:;") or "  " in text:
        return None
    words = tuple(word.casefold() for word in _WORD.findall(text))
    if len(words) > _MOST_WORDS or any(word in _CHANGES for word in words):
        return None
    # A letter or two are a variable.
    if any(len(word) < 3 and word not in _IDLE and word.isascii() for word in words):
        return None
    if any(_CHANGES_HAN.search(word) for word in words):
        return None
    return words


def same_quantity(one: Quantity, other: Quantity) -> bool | None:
    """Return whether two quantities are the same, None where that is in doubt."""
    if one.unit is not None and other.unit is not None:
        if one.unit.dimensions != other.unit.dimensions:
            return _yen_or_yuan(one, other)
        same = _same_value(one, other, one.unit.factor, other.unit.factor)
        return same if not same or _alike(one.words, other.words) else None
    if one.unit is None and other.unit is None:
        same = _same_value(one, other)
        return same if not same or _alike(one.words, other.words) else None
    bare, measured = (one, other) if one.unit is None else (other, one)
    assert measured.unit is not None
    if measured.unit.dimensions == (("percent", 1),):
        return _per_cent(bare, measured)
    same = _same_value(bare, measured)
    return same if not same or (bare.bare and not measured.tight) else None


def _per_cent(bare: Quantity, share: Quantity) -> bool | None:
    assert share.unit is not None
    value = share.value * share.unit.factor
    hundredth = Quantity(value / 100, share.places + 2)
    same = _same_value(bare, hundredth) or (abs(value) > 1 and bare.value == value)
    return same if not same or bare.bare else None


def _yen_or_yuan(one: Quantity, other: Quantity) -> bool | None:
    names = {one.unit.dimensions[0][0], other.unit.dimensions[0][0]} if one.unit and other.unit else set()
    if "¥" in names and names & {"yen", "yuan"}:
        return _same_value(one, other)
    return False


def _same_value(
    one: Quantity, other: Quantity, factor: Fraction = Fraction(1), second: Fraction = Fraction(1)
) -> bool:
    if one.value * factor == other.value * second:
        return True
    if factor != second:
        return False
    exact, rounded = (one, other) if other.places >= FEWEST_PLACES else (other, one)
    if rounded.places < FEWEST_PLACES or exact.places:
        return False
    return abs(exact.value - rounded.value) * 2 * 10**rounded.places <= 1


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether nothing that one side names is another thing on the other side."""
    first, second = ({_stem(word) for word in words} for words in (one, other))
    if "per" in first ^ second:
        return not one or not other
    return first <= second or second <= first


def _stem(word: str) -> str:
    return (
        word.removesuffix("es") if word.endswith(("ches", "shes", "xes", "sses")) else word.removesuffix("s")
    )
