"""Numbers as people write them: digits with separators, fractions, powers of ten, and words in English and
Chinese.

Promise: `read_number` reads the number that a text begins with, exactly, or nothing; it never guesses which
of two numbers is meant: `1.200` is 1.2, and `1,5` is no number. Values have at most `MAX_DIGITS` digits.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from factory.text.answers.listed import listed

MAX_DIGITS = 60
_POWER = 40  # largest power of ten in a number that is written with one

_WHOLE = r"(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d\d)+,\d{3}|\d{1,3}(?: \d{3})+|\d{1,3}(?:'\d{3})+|\d+)(?![\d])"
_NUMBER = re.compile(
    rf"(?P<whole>{_WHOLE})?(?P<decimals>\.\d+)?(?![.,]?\d)"
    r"(?:\s*(?:[×*]|\\times)\s*10\s*\^\s*\{?\s*(?P<power>[+-]?\d+)\s*\}?|[eE](?P<exponent>[+-]?\d+)(?!\w))?"
)
_GERMAN = re.compile(r"(?P<whole>\d{1,3}(?:\.\d{3})+),(?P<decimals>\d+)(?![.,]?\d)")
_FRACTION = re.compile(
    r"\\frac\s*\{\s*(?P<sign>-?)\s*(?P<above>\d+)\s*\}\s*\{\s*(?P<below>\d+)\s*\}|(?P<a>\d+)\s*/\s*(?P<b>\d+)(?![\d.,]?\d)"
)
_SIGN = re.compile(r"([-+]\s*|minus |negative )", re.IGNORECASE)

_ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")
_ENGLISH = {word: number for number, word in enumerate(_ONES)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3)}
_WORD = re.compile(r"[A-Za-z]+")
MAGNITUDES = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
    "mio": 10**6, "mrd": 10**9, "十": 10, "百": 100, "千": 10**3, "万": 10**4, "萬": 10**4, "亿": 10**8,
    "億": 10**8,
}  # fmt: skip

_DIGITS = {sign: number for number, sign in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2, "兩": 2}
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_CHINESE = "".join([*_DIGITS, *_CHINESE_SCALES, *_LARGE])
_CHINESE_NUMBER = re.compile(f"([负負]?)([{_CHINESE}]+)(?:点([{''.join(_DIGITS)}]+))?")
_CHINESE_SHARE = re.compile(f"([{_CHINESE}]+|\\d+)分之([{_CHINESE}]+|\\d+)")


@dataclass(frozen=True)
class Number:
    """A number at the beginning of a text: its value, how many places follow its point, and what follows
    it. `written`: in digits."""

    value: Fraction
    places: int
    rest: str
    written: bool = True


def read_number(text: str) -> Number | None:
    """Return the number that a text begins with, its sign included; None if it begins with none."""
    sign = _SIGN.match(text)
    body = text[sign.end() :] if sign else text
    found = _mixed(body) or _plain(body) or _in_words(body) or _chinese(body)
    if found is None or len(str(found.value.numerator)) + len(str(found.value.denominator)) > 2 * MAX_DIGITS:
        return None
    negative = sign is not None and sign.group().strip().casefold() not in ("", "+")
    return Number(-found.value if negative else found.value, found.places, found.rest, found.written)


def _plain(text: str) -> Number | None:
    if found := _GERMAN.match(text):
        return _decimal(found["whole"], found["decimals"], 0, text[found.end() :])
    found = _NUMBER.match(text)
    if found is None or not (found["whole"] or found["decimals"]) or found.end() > 2 * MAX_DIGITS:
        return None
    power = int((found["power"] or found["exponent"] or "0")[:6])
    decimals = (found["decimals"] or "").removeprefix(".")
    return (
        None if abs(power) > _POWER else _decimal(found["whole"] or "0", decimals, power, text[found.end() :])
    )


def _decimal(whole: str, decimals: str, power: int, rest: str) -> Number:
    digits = re.sub(r"[^\d]", "", whole)
    value = Fraction(int(digits + decimals), 10 ** len(decimals)) * Fraction(10) ** power
    return Number(value, max(0, len(decimals) - power), rest)


def _mixed(text: str) -> Number | None:
    """A fraction, alone or behind a whole number: `3/4`, `1 1/2`, `\\frac{1}{2}`, `2\\frac{1}{3}`."""
    whole = re.match(r"(\d{1,15})(?:\s+(?=\d+\s*/)|\s*(?=\\frac))", text)
    start = whole.end() if whole else 0
    found = _FRACTION.match(text, start)
    if found is None or found.end() - start > 2 * MAX_DIGITS:
        return None
    above, below = int(found["above"] or found["a"]), int(found["below"] or found["b"])
    rest = text[found.end() :]
    # A chain of fractions is a date, or is left for algebra.
    if below == 0 or rest.lstrip()[:1] in ("/", "^", "!") or (whole and found["sign"]):
        return None
    value = Fraction(-above if found["sign"] else above, below)
    return Number(value + int(whole[1]) if whole else value, 0, rest)


def _in_words(text: str) -> Number | None:
    total = current = 0
    seen, end, place = False, 0, 0
    while found := _WORD.match(text, place):
        word = found.group().casefold()
        if word in _ENGLISH:
            if seen and (current % 10 or (current % 100 and _ENGLISH[word] >= 10)):
                break  # `two three` is no number
            current += _ENGLISH[word]
        elif word == "hundred" and seen and 0 < current < 100:
            current *= 100
        elif word in _SCALES and seen and current:
            total, current = total + current * _SCALES[word], 0
        elif not seen and word in ("half", "quarter"):
            return Number(_PARTS[word], 0, text[found.end() :].removeprefix(" of"), False)
        elif not (word == "and" and seen):
            break
        seen, place = True, found.end()
        if word != "and":
            end = place
        between = re.compile(r"[ -]").match(text, place)
        place = between.end() if between else place
        if not between:
            break
    if not seen or not end or len(str(total)) > MAX_DIGITS:
        return None
    rest = text[end:]
    return None if rest[:1] == "-" else Number(Fraction(total + current), 0, rest, False)


def _chinese(text: str) -> Number | None:
    if found := _CHINESE_SHARE.match(text):
        below, above = (_counted(part) for part in found.groups())
        if not below or above is None:
            return None
        return Number(Fraction(above, below), 0, text[found.end() :], False)
    found = _CHINESE_NUMBER.match(text)
    if found is None or found.end() > MAX_DIGITS:
        return None
    value = _counted(found[2])
    if value is None:
        return None
    exact = Fraction(value)
    if found[3]:
        exact += Fraction(int("".join(str(_DIGITS[sign]) for sign in found[3])), 10 ** len(found[3]))
    return Number(-exact if found[1] else exact, len(found[3] or ""), text[found.end() :], False)


def _counted(text: str) -> int | None:
    """Return the value of a Chinese numeral, by places (一百二十) or digit by digit (二〇二四)."""
    if text.isdecimal() and text.isascii():
        return int(text)
    if all(sign in _DIGITS for sign in text):
        return int("".join(str(_DIGITS[sign]) for sign in text))
    total = section = digit = 0
    for sign in text:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in _CHINESE_SCALES:
            section += (digit or 1) * _CHINESE_SCALES[sign]
            digit = 0
        else:
            total = (total + section + digit or 1) * _LARGE[sign]
            section = digit = 0
    return total + section + digit
