"""Personal data in text: mail addresses, phone numbers, payment cards, IBANs, keys and tokens.

Promise: time is linear in the text. What has a check sum is proved by it (cards, IBANs). Prices, dates,
times, versions, coordinates and order numbers are no phone numbers: one is found by its form, by a word such
as "Tel." before it, or not at all. Not promised: names, postal addresses, IP addresses, and what somebody
hides on purpose.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from factory.text.telephone import telephones

What = Literal["MAIL", "PHONE", "CARD", "IBAN", "KEY"]
WORDS: dict[What, str] = {
    "MAIL": "a mail address",
    "PHONE": "a phone number",
    "CARD": "a payment card",
    "IBAN": "an IBAN",
    "KEY": "a key or token",
}
SEVERAL: dict[What, str] = {
    "MAIL": "mail addresses",
    "PHONE": "phone numbers",
    "CARD": "payment cards",
    "IBAN": "IBANs",
    "KEY": "keys and tokens",
}

_LETTER = "A-Za-z0-9\u00c0-\u024f\u0370-\u04ff"
_MAIL = re.compile(
    rf"(?<![{_LETTER}._%+-])[{_LETTER}._%+'-]{{1,64}}(?:@|＠|%40)"
    rf"(?:[{_LETTER}-]{{1,63}}\.){{1,8}}(?P<top>[A-Za-z\u0370-\u04ff]{{2,24}}|xn--[A-Za-z0-9-]{{2,59}})"
    rf"(?![{_LETTER}])"
)
_FILE = re.compile("png|jpe?g|gif|svg|webp|ico|pdf|css|m?js|ts|html|tgz|zip|gz|tar|whl|map")
_KEYS = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]{0,20000}-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]{0,20000})"
    r"|(?<![A-Za-z0-9])(?:"
    r"(?P<sk>sk-[A-Za-z0-9_-]{20,400})"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,200}"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,100}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{20,255}"
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,400}"
    r"|hf_[A-Za-z0-9]{30,100}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,400}"
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"
    r"|eyJ[A-Za-z0-9_-]{8,8000}\.eyJ[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,8000})?"
    r")"
    # What stands behind its own name: only the value is the key.
    r"|(?i:(?<![a-z])(?:bearer\s{1,3}|(?:secret_access_key|api[_-]?key|access[_-]?token|client[_-]?secret)"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?))(?P<value>[A-Za-z0-9+/=_.~-]{20,2000})"
    r"|[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,64}:(?P<password>[^\s/@]{1,200})@"
)
_CARD = re.compile(r"(?<![\w.,+-])\d{4}(?:[ -]?\d){10,15}(?![\w]|[.,]\d)", re.ASCII)
_CARD_GROUPS = re.compile(
    r"\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}"
)
# By how they begin, 16, 19, 15 or 14 digits long.
_CARD_NUMBERS = re.compile(
    r"(?:4\d|5[1-5]|2[2-7]|35|6[0245])\d{14}|(?:4\d|6[245])\d{17}|3[47]\d{13}|3[0689]\d{12}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_IBAN_LENGTHS = {
    code: int(length)
    for length, codes in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI NL FO GL",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK",
        "21": "CH HR LI LV",
        "22": "BG BH DE GB GE IE ME RS VA",
        "23": "AE GI IL TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "PT LY",
        "26": "IS TR",
        "27": "FR GR IT MC SM MR",
        "28": "AL AZ BY CY DO GT HU LB PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU",
        "31": "MT SC",
    }.items()
    for code in codes.split()
}


@dataclass(frozen=True)
class Found:
    """One piece of personal data: what it is, from where to where in the text, and its normal form, equal
    for two spellings of the same."""

    what: What
    start: int
    end: int
    normal: str


def personal(text: str) -> list[Found]:
    """Return the personal data of a text, in order, none within another."""
    taken: list[Found] = []
    # What is surest comes first: the digits of a card are no phone number.
    for finder in (_keys, _mails, _ibans, _cards, _phones):
        taken = sorted([*taken, *_apart(finder(text), taken)], key=lambda one: one.start)
    return taken


def _apart(found: Iterator[Found], taken: list[Found]) -> list[Found]:
    """Return what does not reach into what was found before."""
    starts = [one.start for one in taken]
    kept = []
    for one in found:
        place = bisect_left(starts, one.end)
        if place == 0 or taken[place - 1].end <= one.start:
            kept.append(one)
    return kept


def _keys(text: str) -> Iterator[Found]:
    for found in _KEYS.finditer(text):
        group = next((name for name in ("value", "password") if found[name]), 0)
        key = found[group]
        # Words with dashes between them, and names of variables, are none.
        if found["sk"] and not re.search(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{12}", key):
            continue
        if group == "value" and not (re.search(r"\d", key) and re.search(r"[A-Za-z]", key)):
            continue
        yield Found("KEY", *found.span(group), key)


def _mails(text: str) -> Iterator[Found]:
    for found in _MAIL.finditer(text):
        # `git@host.org:path` is nobody's address, nor is `logo@2x.png`.
        is_remote = found[0].startswith("git@") and text[found.end() : found.end() + 1] in (":", "/")
        if not _FILE.fullmatch(found["top"].casefold()) and not is_remote:
            yield Found("MAIL", *found.span(), re.sub("＠|%40", "@", found[0]).casefold())


def _ibans(text: str) -> Iterator[Found]:
    for found in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(found[0][:2].upper(), 0)
        places = [place for place, char in enumerate(found[0]) if char.isalnum()]
        if not length or len(places) < length:
            continue
        end = places[length - 1] + 1
        number = re.sub("[ -]", "", found[0][:end]).upper()
        if not found[0][end : end + 1].isalnum() and _remainder(number[4:] + number[:4]) == 1:
            yield Found("IBAN", found.start(), found.start() + end, number)


def _remainder(number: str) -> int:
    return int("".join(str(int(char, 36)) for char in number)) % 97


def _cards(text: str) -> Iterator[Found]:
    for found in _CARD.finditer(text):
        digits = re.sub("[ -]", "", found[0])
        if _CARD_GROUPS.fullmatch(found[0]) and _CARD_NUMBERS.fullmatch(digits) and _luhn(digits):
            yield Found("CARD", *found.span(), digits)


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0 and len(set(digits)) > 1


def _phones(text: str) -> Iterator[Found]:
    for start, end in telephones(text):
        yield Found("PHONE", start, end, re.sub(r"\D", "", text[start:end]).removeprefix("00"))
