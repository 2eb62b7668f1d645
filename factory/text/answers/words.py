"""Answers in words: an option of several, yes or no, a name.

Promise: texts are the same without case, articles, quotation marks and full stops, and with every letter,
digit and sign that tells names apart (`C#`, `C++`, `x-ray`, `#5`). Yes and no are known in ten languages.
"""

import re
from dataclasses import dataclass

from factory.text.answers.listed import listed

_YES = frozenset(
    listed(
        "yes yep yeah true correct ja oui vrai sí si verdadero cierto sim vero да 是 是的 对 對 正确 "
        "正確 はい 예 네"
    )
)
_NO = frozenset(
    listed(
        "no nope false incorrect wrong nein non faux falso não nao нет 否 不 不是 不对 不對 错 錯 "
        "错误 錯誤 いいえ 아니요"
    )
)
_YES_OR_NO = frozenset(listed("yes yep yeah no nope ja nein oui non sí sim não да нет 是的 否 はい いいえ"))
_AFTER = frozenset(
    listed(
        "it is isn't does doesn't do don't are aren't was were can cannot can't will won't he she "
        "they you that this there not true false correct incorrect has have did didn't would"
    )
)
_DENIES = frozenset(listed("not isn't doesn't don't aren't cannot can't won't didn't false incorrect"))
_OPTION = re.compile(
    r"(?:(?:option|choice|answer|选项|選項|选|選|答案)\s*)?[(\[]?([A-Ja-j])[)\]]?[.:)]?(?:项|項)?",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"(?:(?:option|choice|answer)\s+)?(?:[(\[]([A-J])[)\]]|([A-J])[.):])\s*(\S.*)", re.DOTALL
)
# A prime behind one letter is no apostrophe: x' is not x.
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*[#+]*|(?<=\b[^\W\d_])'(?!\w)|[#+&@=<>≤≥≠±/\\^*|!°%$€£¥∈∪-]")
_ARTICLES = ("the", "a", "an")


@dataclass(frozen=True)
class Option:
    """A letter of several to choose from, and the text behind it."""

    letter: str
    text: str = ""


def read_option(text: str) -> Option | None:
    """Return the option that a text names: `(B)`, `B.`, `Option B`, `(B) 5 km`."""
    if (bare := _OPTION.fullmatch(text)) is not None:
        return Option(bare[1].upper())
    found = _LABELLED.fullmatch(text)
    return None if found is None else Option(found[1] or found[2], found[3].strip())


def read_truth(text: str) -> tuple[bool, bool] | None:
    """Return (yes or no, whether in these words and not as true or false); None if the text is neither."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.casefold())
    if not words or len(words) > 8:
        return None
    first, rest = words[0], words[1:]
    told = True if first in _YES else False if first in _NO else None
    if told is None or any(word not in _AFTER for word in rest):
        return None
    if rest and (not re.match(r"\w+\s*[,.;:!]", text) or told and any(word in _DENIES for word in rest)):
        return None
    return told, first in _YES_OR_NO


def same_truth(one: tuple[bool, bool], other: tuple[bool, bool]) -> bool:
    """Return whether two answers of yes and no are the same."""
    return one[0] == other[0]


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text that are compared."""
    found = [token.casefold() for token in _TOKEN.findall(text)]
    # A final `a` is kept: it may be an option.
    return [word for place, word in enumerate(found) if word not in _ARTICLES or place == len(found) - 1]


def is_plain(text: str) -> bool:
    """Whether a text is words and nothing else, so that other words are another answer."""
    return not re.search(r"[\d\\^_=<>≤≥≠±∞∪∈√+*/|{}%$€£¥°]", text)
