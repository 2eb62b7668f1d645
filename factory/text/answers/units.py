"""Units of measure and of money, also multiplied and divided: `km/h`, `m^2`, `square feet`, `平方米`.

Promise: units of one dimension are converted exactly, those of different dimensions never are; letters count
(`mW` is not `MW`), and whole words do not look at case. Not known: prefixes of information (1000 or 1024?),
calendars (a month has no days), exchange rates, scales of temperature into each other.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

_PREFIXES = {
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "d": Fraction(1, 10),
    "c": Fraction(1, 100),
    "m": Fraction(1, 1000),
    "µ": Fraction(1, 10**6),
    "μ": Fraction(1, 10**6),
    "n": Fraction(1, 10**9),
}
_WORD_PREFIXES = {
    "kilo": Fraction(10**3),
    "mega": Fraction(10**6),
    "giga": Fraction(10**9),
    "deci": Fraction(1, 10),
    "centi": Fraction(1, 100),
    "milli": Fraction(1, 1000),
    "micro": Fraction(1, 10**6),
}
_LITER = Fraction(1, 1000)  # cubic metres
# Symbol, words, dimension with its exponent, factor.
_METRIC = (
    ("m", "meter metre mètre metro", "length", 1, 1),
    ("g", "gram gramm gramme gramo", "mass", 1, 1),
    ("L", "liter litre litro", "length", 3, _LITER),
    ("l", "", "length", 3, _LITER),
    ("s", "", "time", 1, 1),
    ("W", "watt", "power", 1, 1),
    ("J", "joule", "energy", 1, 1),
    ("N", "newton", "force", 1, 1),
    ("V", "volt", "voltage", 1, 1),
    ("A", "ampere amp", "current", 1, 1),
    ("Hz", "hertz", "frequency", 1, 1),
    ("Pa", "pascal", "pressure", 1, 1),
    ("Ω", "ohm", "resistance", 1, 1),
    ("mol", "mole", "amount", 1, 1),
    ("cal", "calorie", "calories", 1, 1),
)
_YARD = Fraction(9144, 10000)
_POUND = Fraction(45359237, 100000)
_PLAIN: dict[str, tuple[str, int, Fraction | int]] = {
    "in inch inches": ("length", 1, _YARD / 36),
    "ft foot feet": ("length", 1, _YARD / 3),
    "yd yard": ("length", 1, _YARD),
    "mi mile": ("length", 1, _YARD * 1760),
    "km 公里 千米": ("length", 1, 1000),
    "米": ("length", 1, 1),
    "厘米": ("length", 1, Fraction(1, 100)),
    "毫米": ("length", 1, Fraction(1, 1000)),
    "oz ounce": ("mass", 1, _POUND / 16),
    "lb lbs pound": ("mass", 1, _POUND),
    "t ton tonne 吨": ("mass", 1, 10**6),
    "千克 公斤": ("mass", 1, 1000),
    "克": ("mass", 1, 1),
    "斤": ("mass", 1, 500),
    "升": ("length", 3, _LITER),
    "毫升": ("length", 3, _LITER / 1000),
    "gal gallon": ("gallon", 1, 1),
    "pint": ("gallon", 1, Fraction(1, 8)),
    "quart": ("gallon", 1, Fraction(1, 4)),
    "平方米": ("length", 2, 1),
    "平方厘米": ("length", 2, Fraction(1, 10**4)),
    "平方千米 平方公里": ("length", 2, 10**6),
    "立方米": ("length", 3, 1),
    "立方厘米": ("length", 3, Fraction(1, 10**6)),
    "ha hectare": ("length", 2, 10**4),
    "acre": ("acre", 1, 1),
    "sec second sekunde seconde segundo 秒": ("time", 1, 1),
    "min mins minute minuten minuto 分钟": ("time", 1, 60),
    "h hr hrs hour stunde heure hora 小时": ("time", 1, 3600),
    "d day tag tage jour día dia 天": ("time", 1, 86400),
    "wk week woche semaine semana 周 星期": ("time", 1, 7 * 86400),
    "mo month monat mois mes 个月": ("month", 1, 1),
    "yr yrs year jahr année año 年": ("month", 1, 12),
    "岁": ("month", 1, 12),
    "°C celsius": ("celsius", 1, 1),
    "°F fahrenheit": ("fahrenheit", 1, 1),
    "K kelvin": ("kelvin", 1, 1),
    "° deg degree grad 度": ("degree", 1, 1),
    "rad radian": ("radian", 1, 1),
    "% percent percentage pct prozent": ("percent", 1, 1),
    "‰ permille": ("percent", 1, Fraction(1, 10)),
    "$ US$ USD dollar 美元": ("dollar", 1, 1),
    "cent cents ¢": ("dollar", 1, Fraction(1, 100)),
    "A$ AUD": ("AUD", 1, 1),
    "C$ CAD": ("CAD", 1, 1),
    "HK$ HKD 港元": ("HKD", 1, 1),
    "€ EUR euro 欧元": ("euro", 1, 1),
    "£ GBP 英镑": ("sterling", 1, 1),
    "penny pence": ("sterling", 1, Fraction(1, 100)),
    "¥": ("¥", 1, 1),
    "JPY yen 日元": ("yen", 1, 1),
    "CNY RMB yuan 元 块 块钱 人民币": ("yuan", 1, 1),
    "₹ INR rupee Rs": ("rupee", 1, 1),
    "CHF franc": ("franc", 1, 1),
    "mph": ("length/time", 1, _YARD * 1760 / 3600),
    "kph kmh": ("length/time", 1, Fraction(1000, 3600)),
    "B byte": ("byte", 1, 1),
    "bit": ("bit", 1, 1),
    "kB KB kilobyte": ("kB", 1, 1),
    "MB megabyte": ("MB", 1, 1),
    "GB gigabyte": ("GB", 1, 1),
    "TB terabyte": ("TB", 1, 1),
}
CURRENCIES = (
    "US$",
    "HK$",
    "A$",
    "C$",
    "$",
    "€",
    "£",
    "¥",
    "₹",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "CNY",
    "RMB",
    "CHF",
    "Rs",
)
_PHRASES = (
    (re.compile(r"\b(?:square|sq\.?|squared)\s+([A-Za-z]+)", re.IGNORECASE), r"\1^2"),
    (re.compile(r"\b(?:cubic|cu\.?)\s+([A-Za-z]+)", re.IGNORECASE), r"\1^3"),
    (re.compile(r"\b([A-Za-z]+)\s+squared\b", re.IGNORECASE), r"\1^2"),
    (re.compile(r"(?:°|\b(?:degrees?|deg)\s+)\s*(celsius|fahrenheit|C\b|F\b)", re.IGNORECASE), r"°\1"),
    (re.compile(r"°celsius", re.IGNORECASE), "°C"),
    (re.compile(r"°fahrenheit", re.IGNORECASE), "°F"),
    (re.compile(r"\bUS dollars?\b", re.IGNORECASE), "dollar"),
    (re.compile(r"\b(?:pounds? sterling|british pounds?)\b", re.IGNORECASE), "GBP"),
    (
        re.compile(
            r"\b(?:per cent|pour cent|por ciento|percentage points?|percent points?)(?!\w)", re.IGNORECASE
        ),
        "%",
    ),
    (re.compile(r"\s+(?:per|pro|a|an|each)\s+(?=\w)", re.IGNORECASE), "/"),
    (re.compile(r"\s*\^\s*\{?\s*(-?\d)\s*\}?"), r"^\1"),
    (re.compile(r"\s*([/*×])\s*"), r"\1"),
)
_PART = re.compile(r"([^\W\d_]+|[°%‰$€£¥₹¢Ω]+[CFcf]?|[A-Z]{1,2}\$)(?:\^(-?\d)|([23])(?!\w))?")


@dataclass(frozen=True)
class Unit:
    """What something is measured in: dimensions with their exponents, and the factor to their base."""

    dimensions: tuple[tuple[str, int], ...]
    factor: Fraction


def _table() -> dict[str, tuple[str, int, Fraction]]:
    table: dict[str, tuple[str, int, Fraction]] = {}
    for symbol, words, dimension, exponent, factor in _METRIC:
        table[symbol] = (dimension, exponent, Fraction(factor))
        for prefix, scale in _PREFIXES.items():
            table[prefix + symbol] = (dimension, exponent, Fraction(factor) * scale)
        for word in words.split():
            table[word] = (dimension, exponent, Fraction(factor))
            for prefix, scale in _WORD_PREFIXES.items():
                table[prefix + word] = (dimension, exponent, Fraction(factor) * scale)
    for names, (dimension, exponent, factor) in _PLAIN.items():
        for name in names.split():
            table[name] = (dimension, exponent, Fraction(factor))
    return table


_TABLE = _table()
_FOLDED = {name.casefold(): name for name in _TABLE if len(name) > 2 and name.isalpha()}


def read_unit(text: str) -> Unit | None:
    """Return the unit that a text is, all of it; None if a part of it is not known."""
    for pattern, spelt in _PHRASES:
        text = pattern.sub(spelt, text)
    dimensions: dict[str, int] = {}
    factor, sign, place = Fraction(1), 1, 0
    text = text.strip()
    while place < len(text):
        if text[place] in "/*× ":
            sign = -1 if text[place] == "/" else sign
            place += 1
            continue
        found = _PART.match(text, place)
        known = _known(found[1]) if found else None
        if found is None or known is None:
            return None
        dimension, exponent, scale = known
        power = sign * int(found[2] or found[3] or 1)
        for base, sense in zip(dimension.split("/"), (1, -1), strict=False):
            dimensions[base] = dimensions.get(base, 0) + sense * exponent * power
        factor *= scale**power
        place = found.end()
    kept = tuple(sorted((base, power) for base, power in dimensions.items() if power))
    return Unit(kept, factor) if dimensions else None


def _known(name: str) -> tuple[str, int, Fraction] | None:
    for written in (name, _FOLDED.get(name.casefold(), "")):
        if written in _TABLE:
            return _TABLE[written]
    for ending in ("s", "es", "n", "en"):
        single = name.casefold().removesuffix(ending)
        if single != name.casefold() and len(single) > 2 and single in _FOLDED:
            return _TABLE[_FOLDED[single]]
    return None
