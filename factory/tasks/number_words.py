"""Words about numbers: those that are some (`twelve`, `a dozen`, `twice`, `drei`, `三百二十`), and those that
tell an amount from a name.

Promise: `spelled` returns what could stand as digits in a reference, in English, German, French, Spanish and
Chinese. Ordinals (`third`, `第三`) are no amounts and left out. Not promised: that a word is meant as a
number (`each one`).
"""

import re
from collections.abc import Iterator

# A value, and its words in all languages.
_AMOUNTS = """
1 one once ein eins eine einen einem einer un une uno una
2 two twice double halve half both pair couple zwei doppelt halb hälfte beide deux double moitié dos doble
3 three thrice triple drei dreimal dreifach trois triple tres triple
4 four quarter quarters quadruple vier viertel quatre quart cuatro cuarto
5 five fünf cinq cinco
6 six sechs seis
7 seven sieben sept siete
8 eight acht huit ocho
9 nine neun neuf nueve
10 ten zehn dix diez
11 eleven elf onze once
12 twelve dozen dozens zwölf dutzend douze douzaine doce docena
13 thirteen dreizehn treize trece
14 fourteen vierzehn quatorze catorce
15 fifteen fünfzehn quinze quince
16 sixteen sechzehn seize dieciséis
17 seventeen siebzehn
18 eighteen achtzehn
19 nineteen neunzehn
20 twenty score zwanzig vingt veinte
30 thirty dreißig trente treinta
40 forty vierzig quarante cuarenta
50 fifty fünfzig cinquante cincuenta
60 sixty sechzig soixante sesenta
70 seventy siebzig setenta
80 eighty achtzig ochenta
90 ninety neunzig noventa
"""
_UNITS = {
    word: int(value)
    for value, *words in (line.split() for line in _AMOUNTS.strip().splitlines())
    for word in words
}
_SCALES = {
    "hundred": 100, "hundert": 100, "cent": 100, "cien": 100, "ciento": 100, "thousand": 1000,
    "tausend": 1000, "mille": 1000, "mil": 1000, "million": 10**6, "millionen": 10**6, "millones": 10**6,
}  # fmt: skip
_UNIT_NAMES = """
kg g mg t lb oz km m cm mm mi ft in l ml cl dl h s ms min sec x y z n a b c v w kw kwh hz mph kmh ha px gb mb
kb tb eur usd chf gbp rmb pcs stk std
"""
# Words with a capital letter at the beginning of a sentence, or a month's, after which a number counts
# something or is worked with. After another such word it may be part of a name: Falke 3, Room 12.
_INTRODUCING = """
a about add after all an and another are as at average before between both bring build buy by calculate can
change choose combine compare compute convert count cover cut deal deduct decrease determine did distribute
divide do does double draw each estimate evaluate every exactly express fill find for form from get give given
had half halve has have how i if in increase into is it its let list lower make mix multiply my need of off on
one only or our out over pack pay pick pour put raise reduce remove round say sell share show simplify since
solve some split square start subtract sum take tell than that the their there these they this those to total
translate triple turn under until up use we were what when which with within work write you your
addiere bei berechne das der die dividiere ein eine für hat ich mit multipliziere nach nimm subtrahiere teile
von vor was wie zu ajoute avec calcule combien dans de divise en il la le les multiplie pour sur un une
calcula con divide el las los multiplica para por resta si suma una
january february march april may june july august september october november december
januar februar märz mai juni juli oktober dezember
"""
# Words after which a number tells one thing from others of its kind.
_NAMING = """
apartment bay bus channel chapter exercise exit flat flight floor gate grade highway house interstate
invoice lift page paragraph platform road room route row seat section shelf slide station table team
terminal track train tram unit version ward linie zimmer raum haus gleis bus zug seite kapitel stufe klasse
gruppe tisch reihe platz halle tor ligne salle chambre page quai porte étage línea sala página andén puerta
piso
"""
_UNIT_WORDS = frozenset(_UNIT_NAMES.split())
_INTRODUCING_WORDS = frozenset(_INTRODUCING.split())
_NAMING_WORDS = frozenset(_NAMING.split())
_COUNTED = re.compile(
    r"\s*(?:%|percent|per cent|prozent|[$€£¥°]|years?|months?|weeks?|days?|hours?|minutes?|seconds?|times"
    r"|dollars?|euros?|cents?|(?:centi|milli)?met(?:re|er)s?|kilo\w*|grams?|jahre?n?|tage?n?|stunden?|minuten?)(?!\w)",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"(?<!\w)([^\W\d_]+)[ \u00a0]$")
_LABEL = re.compile(r"(?:第|#|№|\bno\.|\bnr\.|\bnum\.)\s?$", re.IGNORECASE)
_NAMED = re.compile(
    r"(?:(?<!\w)(?:the|this|that|our|my|your|his|her|their|a|an|der|die|das|dem|den|des|ein|eine|einem|einen|einer|mein|unser"
    r"|le|la|un|une|el|il)[ \u00a0]+)?(?<!\w)([^\W\d_]+)[ \u00a0-]$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {
    "两": 2,
    "零": 0,
    "半": 2,
}
_PLACES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_CHINESE = re.compile(f"(?<!第)[{''.join(_DIGITS)}{''.join(_PLACES)}]+")
_GERMAN = re.compile(r"([a-zäöüß]+)und([a-zäöüß]+)")


def spelled(text: str) -> set[str]:
    """Return the values of all number words, and of each of their parts, as digits."""
    return {str(value) for value in (*_in_words(text.casefold()), *_in_chinese(text))}


def is_unit(suffix: str) -> bool:
    """Return whether letters that follow a number at once leave it a number: `5kg`, `3x`, unlike `3rd`."""
    return suffix.casefold() in _UNIT_WORDS


def is_label(text: str, start: int, end: int) -> bool:
    """Return whether the number at a place may be part of a name and no amount: `No. 3`, `Falke 3`."""
    if is_name(text, start, end) or _LABEL.search(text[:start]) or text[end:].lstrip().startswith("号"):
        return True
    word = _CAPITAL.search(text[:start])
    if word is None or not word[1][0].isupper() or word[1].casefold() in _INTRODUCING_WORDS:
        return False
    return not is_measured(text, end)


def is_name(text: str, start: int, end: int) -> bool:
    """Return whether the number at a place is part of a name and nothing else: `bus 42`, `the Falke 8`; a
    person who comes without an article may have 8 of something."""
    found = _NAMED.search(text[:start])
    if found is None or is_measured(text, end):
        return False
    word, has_article = found[1], found.start() < found.start(1)
    if word.casefold() in _NAMING_WORDS:
        return True
    return has_article and word[0].isupper() and word.casefold() not in _INTRODUCING_WORDS


def is_measured(text: str, end: int) -> bool:
    """Return whether a unit follows the number that ends at a place."""
    return _COUNTED.match(text, end) is not None


def _in_words(text: str) -> Iterator[int]:
    total = current = 0
    end = None
    for found in _WORD.finditer(text):
        word = found.group()
        if (german := _GERMAN.fullmatch(word)) and {german[1], german[2]} <= _UNITS.keys():
            yield _UNITS[german[1]] + _UNITS[german[2]]
        between = text[end : found.start()] if end is not None else ""
        goes_on = end is not None and between in (" ", "-", " and ")
        if word == "and" and goes_on:
            continue
        if word in _UNITS:
            value = _UNITS[word]
            yield value
            current = current + value if goes_on else value
            total = total if goes_on else 0
            yield total + current
        elif word in _SCALES:
            yield _SCALES[word]
            if _SCALES[word] == 100:
                current = max(current, 1) * 100 if goes_on else 100
            else:
                total, current = (total if goes_on else 0) + max(current, 1) * _SCALES[word], 0
            yield total + current
        else:
            end, total, current = None, 0, 0
            continue
        end = found.end()


def _in_chinese(text: str) -> Iterator[int]:
    for found in _CHINESE.finditer(text):
        word = found.group()
        yield from (_DIGITS[character] for character in word if character in _DIGITS)
        total = section = digit = 0
        for character in word:
            if character in _DIGITS:
                digit = _DIGITS[character]
            elif (place := _PLACES[character]) < 10**4:
                section, digit = section + (digit or 1) * place, 0
            else:
                total, section, digit = (total + section + digit or 1) * place, 0, 0
        yield total + section + digit
