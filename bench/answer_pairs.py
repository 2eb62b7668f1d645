"""Pairs of answers of which is known whether they are the same: written by hand, or made from numbers by
rules that the product does not share.

`pairs()` gives (class, one, other, whether they are the same); those by hand are in `bench/answer_pairs.txt`.
"""

import random
from collections.abc import Iterator
from pathlib import Path

Pair = tuple[str, str, str, bool]

TABLE = Path(__file__).with_suffix(".txt")
_DEEP = "(" * 10_000 + "x" + ")" * 10_000
HOSTILE = (
    ("9**9**9**9", "1"),
    ("9^9^9^9", "9^9^9^8"),
    ("9^{9^{9^{9}}}", "9"),
    ("((9^{9})^{9})^{399}", "((9^{9})^{9})^{398}"),
    ("(((9^{399})^{399})^{399})^{399}", "2"),
    (_DEEP, "x"),
    (_DEEP, _DEEP.replace("x", "y")),
    ("{" * 10_000 + "}" * 10_000, "1"),
    ("1" * 100_000, "1" * 99_999),
    ("x+" * 50_000 + "x", "x"),
    ("99999!", "1"),
    ("400!", "399!"),
    ("((5!)!)!", "1"),
    (r"\sqrt{" * 300 + "2" + "}" * 300, "2"),
    (r"\frac{" * 100, "1"),
    ("(x+y+z+a+b+c)^{399}", "(x+y+z+a+b+d)^{399}"),
    ("(x+y+z+a+b+c)^{99}", "(x-y+z+a+b+c)^{99}"),
    (r"\sin(\cos(\sin(\cos(\tan(x^{99})))))", r"\sin(\cos(\sin(\cos(\tan(x^{98})))))"),
    ("1," * 900 + "1", "1," * 899 + "2"),
    ("$" * 1900, "\\" * 1900),
    ("\u202e\u0000\ud800" * 100, "\ufffd"),
    ("answer " * 250, "Answer: " * 200),
    ("1/" * 900 + "1", "1/" * 900 + "2"),
    ("一" * 1900, "万" * 1900),
    ("1e999999999", "1e999999998"),
    (r"\int_0^1 x dx", "0.5001"),
    ("e^{e^{e^{e^{9}}}}", "e^{e^{e^{e^{8}}}}"),
    (r"\sum_{n=1}^{\infty} n", "1"),
)  # fmt: skip

_NUMBERS = (
    0,
    1,
    7,
    12,
    42,
    90,
    100,
    365,
    999,
    1000,
    1200,
    4096,
    9500,
    12_345,
    100_000,
    1_000_000,
    73_500_201,
)
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_HAN = "零一二三四五六七八九"


def pairs() -> Iterator[Pair]:
    """Yield every pair, those that are made with the same chance each time."""
    name = truth = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("== "):
            name, truth = line.removeprefix("== ").split(": ")
        elif line:
            one, other = line.split(" | ")
            yield name, one, other, truth == "same"
    yield from _made()
    for one, other in HOSTILE:
        yield "hostile", one, other, False


def _made() -> Iterator[Pair]:
    chance = random.Random(7)
    for number in _NUMBERS:
        grouped = f"{number:,}"
        for spelt in (
            grouped,
            grouped.replace(",", "{,}"),
            grouped.replace(",", " "),
            f"${number}$",
            rf"\boxed{{{number}}}",
            f"**{number}**",
            f"{number}.",
            f"{number}.0",
            f"{number} pens",
            f"It is {number}.",
            f"x = {number}",
            rf"\text{{{number}}}",
        ):
            yield "number", str(number), spelt, True
        for wrong in (
            f"-{number + 1}",
            str(number + 1),
            f"{number}0",
            f"1{number}",
            f"{number}.5",
            f"{number + 1} pens",
        ):
            yield "number", str(number), wrong, number == 0 and wrong == "00"
    for _ in range(40):
        number = chance.randrange(1, 1000)
        yield "words", str(number), _english(number), True
        yield "words", str(number + 1), _english(number), False
        number = chance.randrange(1, 10_000)
        yield "chinese", str(number), _chinese(number), True
        yield "chinese", str(number * 10), _chinese(number), False
    for _ in range(25):
        above, below = chance.randrange(1, 60), chance.choice((2, 4, 5, 8, 10, 16, 20, 25))
        yield "fraction", f"{above}/{below}", rf"\frac{{{above}}}{{{below}}}", True
        yield "fraction", rf"\dfrac{{{above}}}{{{below}}}", str(above / below), True
        yield "fraction", f"{above}/{below}", rf"\frac{{{above + 1}}}{{{below}}}", False
        yield "fraction", f"{above}/{below}", f"-{above}/{below}", False


def _english(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    rest = f" and {_english(number % 100)}" if number % 100 else ""
    return f"{_ONES[number // 100]} hundred{rest}"


def _chinese(number: int) -> str:
    text, gap = "", False
    for place, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // place % 10
        if digit:
            text += ("零" if gap and text else "") + _HAN[digit] + name
        gap = digit == 0
    return text.removeprefix("一") if text.startswith("一十") else text
