"""Phone numbers in text, told from all that has digits, too.

Promise: time is linear in the text. A number is one in international form (`+49 30 901820`), in a national
form that is written with separators (`030 901820`, `(415) 555-2671`, `010-62781234`), a mobile number of
Germany or China, or any seven digits behind a word such as "Tel." or "电话". It is none behind a word such as
"order" or "订单", beside a currency or a unit, or where it is a date. Not promised: bare digits elsewhere.
"""

import re
from collections.abc import Iterator

_CALLED = re.compile(
    r"(?:\btel|phone|telefon|\bfon|\bmobil|\bcell|handy|\bfax|whatsapp|\bsms\b|hotline|rufnummer|\bcall|\bring|"
    r"anrufen|電話|电话|手机|致电|拨打|热线|传真|座机|联系方式)"
    r"(?:number|nummer|phone|-?nr|(?:me|us|him|her|at|on|is|unter|ist|lautet|auf|bei|no)\b"
    r"|号码|号|为|是|请|[ \t.:：=#(（-]){0,8}"
    r"(?<!\d)(?P<number>[+(]?\d{1,14}\)?(?:[ /.-]{1,2}\(?\d{1,10}\)?){0,6})(?![A-Za-z0-9_])(?![.,:]\d)",
    re.IGNORECASE,
)
# Letters of these scripts alone: a Chinese word stands directly before a number.
_FORMS = re.compile(
    r"(?<![A-Za-z0-9_+\u00c0-\u024f])(?<!\d[.,:/-])(?:"
    r"(?P<world>(?:\+|00(?=[1-9]))\d{1,15}(?:[ ()./\u00a0-]{1,3}\d{1,12}){0,7})"
    r"|(?P<trunk>\(?0[1-9]\d{1,4}\)?[ /\u00a0-]{1,3}\d{2,10}(?:[ /\u00a0-]\d{2,8}){0,4})"
    r"|(?P<american>(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[ .-]\d{4})"
    r"|(?P<german>01(?:5\d|6[023]|7\d)\d{7,8})"
    r"|(?P<chinese>1[3-9]\d(?:\d{8}|([ -])\d{4}\6\d{4}))"
    r")(?![A-Za-z0-9_])(?![.,:]\d)"
)
_NUMBERED = re.compile(
    r"(?:order|bestell\w*|auftrag\w*|rechnung\w*|invoice|artikel\w*|article|item|kunden\w*|customer|ticket|"
    r"tracking|sendung\w*|parcel|serien\w*|serial|isbn|issn|ean|version|ref\w*|konto\w*|account|case|vorgang\w*|"
    r"part|model|订单|单号|编号|货号|发票|运单|序列|版本|坐标|账号|工单|型号|批号)"
    r"(?:number|nummer|号码|号|(?:no|nr|id|is|ist|lautet)\b|为|是|[ \t.:：=#(（-]){0,6}$",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"(?:[€$£¥￥]|\b(?:eur|usd|gbp|cny|rmb|chf))\s?$", re.IGNORECASE)
_UNIT_AFTER = re.compile(
    r"\s?(?:[€$£¥%°]|(?:eur|euro|usd|dollars?|chf|cny|rmb|kg|g|km|m|cm|mm|ml|l|kwh?|mb|gb|uhr|am|pm|people|pieces|"
    r"stück)\b|元|块|人民币|公里|千米|米|公斤|克|点|人|件)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\d{1,2}([ ./-])\d{1,2}\1(?:\d{4}|\d{2})|(?:19|20)\d\d([ ./-])\d{1,2}\2\d{1,2}"
    r"|(?:19|20)\d\d ?- ?(?:19|20)\d\d"
)
_DECIMAL = re.compile(r"\+?\d{1,3}\.\d+|\+?\d{1,3}(?:[. ]\d{3})+")
_GROUP = re.compile(r"\d+\)?")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_FEWEST, _MOST, _LOOKED_BACK = 7, 15, 48


def telephones(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the phone numbers of a text begin and end, in order."""
    called = [
        (found.start("number"), end)
        for found in _CALLED.finditer(text)
        if _digits(text[found.start("number") : (end := _end(found, "number"))]) >= _FEWEST
        and not _is_other(text, found.start("number"), end)
    ]
    place = 0
    for start, end in [*called, (len(text), len(text))]:
        yield from _formed(text, place, start)
        if start < end:
            yield start, end
        place = end


def _formed(text: str, place: int, limit: int) -> Iterator[tuple[int, int]]:
    while (found := _FORMS.search(text, place)) and found.start() < limit:
        end = min(_end(found), limit)
        if _is_phone(text, found, end):
            yield found.start(), end
            place = end
        else:
            # What is no number as a whole may still hold one.
            group = _GROUP.search(text, found.start())
            place = group.end() if group else found.end()


def _end(found: re.Match[str], group: str | int = 0) -> int:
    """Return the end of a number, the groups of digits left out that would make it too long."""
    start = end = found.start(group)
    digits = 0
    for part in _GROUP.finditer(found[group]):
        digits += _digits(part[0])
        if digits > _MOST and end > start:
            break
        end = start + part.end()
    return end


def _is_phone(text: str, found: re.Match[str], end: int) -> bool:
    start = found.start()
    number = text[start:end]
    digits = _digits(number)
    if _is_other(text, start, end) or _NUMBERED.search(text[max(0, start - _LOOKED_BACK) : start]):
        return False
    match found.lastgroup:
        case "world":
            return _is_international(number, digits)
        case "trunk":
            return 8 <= digits <= 13
        case "american" | "german":
            return True
    # Eleven bare digits are many things where nobody speaks Chinese.
    return not number.isdigit() or bool(_CHINESE.search(text, max(0, start - 200), end + 200))


def _is_other(text: str, start: int, end: int) -> bool:
    """Return whether digits are a date, a decimal number, an amount or a measure."""
    number = text[start:end]
    return bool(
        _DATE.fullmatch(number.strip("()"))
        or _DECIMAL.fullmatch(number)
        or _MONEY_BEFORE.search(text[max(0, start - 8) : start])
        or _UNIT_AFTER.match(text, end)
    )


def _is_international(number: str, digits: int) -> bool:
    if number.count(".") == 1 or not 8 <= digits <= _MOST:
        return False
    if number.startswith("00"):
        return digits >= 11
    # North America has ten digits after its 1.
    return not number.startswith("+1") or digits == 11


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))
