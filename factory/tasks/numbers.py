"""The numbers of a question: where each stands, how it is written, and which of them a reference uses.

Promise: a number is offered for replacement only where it is clear which number of the reference it is. One
that is written with separators (`1,200`, `1.200`, `1 200`, `12,5`) is one number if the reference says so. A
date, a time or a fraction is replaced where the reference has the same one, and else stays as it is, as do
digits in words (`CO2`, `B12`), ordinals (`3rd`) and numbers in words. What stays and equals what would be
replaced makes the whole question unclear.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from factory.tasks.number_words import is_label, is_measured, is_name, is_unit, spelled

PLAIN = re.compile(r"\d+(?:\.\d+)?")
_LETTER = r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_CHUNK = re.compile(
    rf"(?P<word>{_LETTER}+[-_]?\d[\w-]*)"
    r"|(?P<number>\d+(?:[.,:/\-–'’_\u00a0\u202f\u2009]\d+|(?<![\d.,]\d{3}) \d{3}(?![\d.,]\d|\d))*)"
    rf"(?P<suffix>{_LETTER}*\d*)"
)
_GROUPED = re.compile(
    r"\d{1,3}(?P<mark>[.,'’_ \u00a0\u202f\u2009])\d{3}(?:(?P=mark)\d{3})*(?P<decimals>[.,]\d+)?"
)
_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_COMMA = re.compile(r"\d+,\d+")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")
_FRACTION = re.compile(r"(\d+)/(\d+)")
_ISO_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
# Numbers that a reference has of itself: halves, weeks, dozens, hours, per cent.
_CONSTANTS = frozenset(map(str, (*range(1, 8), 10, 12, 24, 30, 52, 60, 90, 100, 180, 360, 365, 1000)))
_TWICE = frozenset(map(str, (7, 10, 12, 24, 60, 100, 360, 365, 1000)))


@dataclass(frozen=True)
class Number:
    """A number that can be replaced: its place in the question, and how the reference writes it. `group` is
    the date, time or fraction that it is part of, by its place."""

    start: int
    end: int
    value: str
    group: tuple[int, int] | None = None


@dataclass(frozen=True)
class Numbers:
    """What a question's numbers are. `unclear` says why none of them may be replaced."""

    replaced: tuple[Number, ...]
    unclear: str = ""

    @property
    def values(self) -> list[str]:
        """The values to replace, each once, in the order of the question."""
        return list(dict.fromkeys(number.value for number in self.replaced))

    def rewrite(self, question: str, mapping: dict[str, str]) -> str:
        """Return the question with other values, written as the old ones were."""
        parts, end = [], 0
        for number in self.replaced:
            old = question[number.start : number.end]
            parts += [question[end : number.start], _written(old, mapping[number.value])]
            end = number.end
        return "".join([*parts, question[end:]])

    def keeps_form(self, question: str, rewritten: str) -> bool:
        """Return whether each date, time and fraction of the question is one still."""
        return all(
            _keeps_form(question[start:end], rewritten[start:end])
            for start, end in {number.group for number in self.replaced if number.group}
        )

    def read_again(self, question: str, rewritten: str) -> dict[str, str] | None:
        """Return which value stands now for which, read from the new question by what is around its numbers;
        None where that cannot be read."""
        pattern, end = [], 0
        for number in self.replaced:
            pattern += [re.escape(question[end : number.start]), r"([\d.,'’_ \u00a0\u202f\u2009]+)"]
            end = number.end
        found = re.fullmatch("".join([*pattern, re.escape(question[end:])]), rewritten)
        if found is None:
            return None
        mapping: dict[str, str] = {}
        for number, text in zip(self.replaced, found.groups(), strict=True):
            whole = len(number.value.partition(".")[0])
            digits = re.sub(r"\D", "", text)
            value = digits if len(digits) == whole else f"{digits[:whole]}.{digits[whole:]}"
            if mapping.setdefault(number.value, value) != value:
                return None
        return mapping


def read_numbers(question: str, reference: str, language: str = "en") -> Numbers:
    """Return which numbers of a question stand for those of its reference."""
    used = Counter(PLAIN.findall(reference))
    plain: list[Number] = []
    staying: set[str] = set()
    labels: set[str] = set()
    named: set[str] = set()
    for chunk in _CHUNK.finditer(question):
        read = _numbers_of(chunk, question, reference, used, language)
        if not read:
            staying |= _possible(chunk.group())
            continue
        plain += read
        if len(read) == 1 and not read[0].group and is_label(question, chunk.start(), chunk.end()):
            labels.add(read[0].value)
            named |= {read[0].value} if is_name(question, chunk.start(), chunk.end()) else set()
    replaced = tuple(number for number in plain if number.value in used)
    varied = {number.value for number in replaced}
    if clash := _first(varied & named):
        return Numbers(replaced, f"{clash} is part of a name")
    return Numbers(replaced, _unclear(question, reference, plain, varied, staying, labels, used))


def _unclear(
    question: str,
    reference: str,
    plain: list[Number],
    varied: set[str],
    staying: set[str],
    labels: set[str],
    used: Counter[str],
) -> str:
    if clash := _first(varied & staying):
        return f"{clash} stands in it as a number and as part of something else"
    for word in re.findall(r"[A-Za-z_]+\d\w*|\d+[A-Za-z_]\w*", reference):
        if word not in question and varied & set(PLAIN.findall(word)):
            return f"{word} in its reference is no number"
    asked = Counter(number.value for number in plain)
    amounts = Counter(number.value for number in plain if number.group is None)
    unused, own = asked.keys() - used.keys(), used.keys() - asked.keys()
    # What has a unit is the number, where the reference uses each once and has no other: two maps, 2 metres.
    measured = {number.value for number in plain if asked == used and is_measured(question, number.end)}
    if clash := _first(varied & spelled(question) - measured):
        return f"{clash} stands in it as digits and in words"
    # It stands in the question as an amount as well, and the reference has it once: the amount is meant.
    often = {value for value in labels if asked[value] > used[value] and amounts[value] > 1}
    if clash := _first(value for value in varied & labels if value in _CONSTANTS or unused or value in often):
        return f"{clash} may be part of a name"
    if clash := _first(value for value in varied & _TWICE & amounts.keys() if used[value] > asked[value]):
        return f"{clash} in its reference may be a constant"
    if clash := _first(value for value in varied if asked[value] > used[value] and (unused or own)):
        return f"{clash} stands in it more often than in its reference"
    return ""


def _first(values: object) -> str:
    return min(values, key=lambda value: (len(value), value), default="")  # type: ignore[call-overload]


def _numbers_of(
    chunk: re.Match[str], question: str, reference: str, used: Counter[str], language: str
) -> list[Number]:
    """Return the numbers of a chunk; none if it stays as it is."""
    text, start, suffix = chunk["number"], chunk.start(), chunk["suffix"]
    if text is None:
        return _parts(chunk.group(), start) if _is_in(chunk.group(), reference) else []
    if unicodedata.normalize("NFKC", digits := re.sub(r"\D", "", text)) != digits:
        return []
    if text.isdecimal():
        if suffix and not is_unit(suffix) and not re.fullmatch(r"[xX]\d+", suffix):
            return []
        if language == "de" and re.match(r"\.[ \u00a0][^\W\d_]", question[chunk.end() :]):
            return []
        numbers = [Number(start, start + len(text), text)]
        if dimension := re.fullmatch(r"[xX](\d+)", suffix):
            numbers.append(Number(chunk.end() - len(dimension[1]), chunk.end(), dimension[1]))
        return numbers
    if suffix and not is_unit(suffix):
        return []
    parts, whole = _parts(text, start), Number(start, start + len(text), text)
    wholes = [value for value in _wholes(text) if value in used]
    if PLAIN.fullmatch(text) and wholes in ([], [text]):
        return [whole]
    in_parts = all(part.value in used for part in parts)
    if wholes:
        return [replace(whole, value=wholes[0])] if len(wholes) == 1 and not in_parts else []
    if _is_in(text, reference.replace(" ", "") if "/" in text else reference):
        return parts
    if _TIME.fullmatch(text) or _ISO_DATE.fullmatch(text) or not in_parts:
        return []
    asked = Counter(PLAIN.findall(question))
    return (
        [] if "/" in text and any(max(used[part.value], asked[part.value]) > 1 for part in parts) else parts
    )


def _parts(text: str, start: int) -> list[Number]:
    span = (start, start + len(text))
    return [
        Number(start + part.start(), start + part.end(), part.group(), span) for part in PLAIN.finditer(text)
    ]


def _is_in(text: str, reference: str) -> bool:
    # The hour of a reference may have a zero before it.
    return re.search(rf"(?<![\d.])0?{re.escape(text)}(?![\d.])", reference) is not None


def _wholes(text: str) -> list[str]:
    """Return the values of a number with separators, as a reference may write them."""
    found = []
    if (grouped := _GROUPED.fullmatch(text)) and (grouped["decimals"] or "")[:1] != grouped["mark"]:
        decimals = grouped["decimals"] or ""
        whole = re.sub(r"\D", "", text.removesuffix(decimals))
        found.append(f"{whole}.{decimals[1:]}" if decimals else whole)
    if _INDIAN.fullmatch(text):
        found.append(text.replace(",", ""))
    if _COMMA.fullmatch(text):
        found.append(text.replace(",", "."))
    if PLAIN.fullmatch(text):
        found.append(text)
    return list(dict.fromkeys(found))


def _possible(text: str) -> set[str]:
    """Return every number that a reader could see in a text that stays as it is."""
    text = unicodedata.normalize("NFKC", text)
    digits = re.findall(r"\d+", text)
    found = {*PLAIN.findall(text), *digits, *(part.lstrip("0") for part in digits), *_wholes(text)}
    return found - {""}


def _written(old: str, value: str) -> str:
    digits: Iterator[str] = iter(value.replace(".", ""))
    return "".join(next(digits) if character.isdecimal() else character for character in old)


def _keeps_form(old: str, new: str) -> bool:
    if time := _TIME.fullmatch(old):
        now = _TIME.fullmatch(new)
        return now is not None and int(now[1]) < (24 if int(time[1]) < 24 else 100) and int(now[2]) < 60
    if fraction := _FRACTION.fullmatch(old):
        now = _FRACTION.fullmatch(new)
        return now is not None and (int(fraction[1]) >= int(fraction[2]) or int(now[1]) < int(now[2]))
    return not _is_date(old) or _is_date(new)


def _is_date(text: str) -> bool:
    if (found := _ISO_DATE.fullmatch(text)) is None:
        return False
    try:
        date(*map(int, found.groups()))
    except ValueError:
        return False
    return True
