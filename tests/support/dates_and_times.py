"""Dates and times of day that an English or a Chinese text gives, as the files in `data/` write them.

Promise: a date is one only with its year (`2026-05-14`, `14 May 2026`, `2026年5月14日`), a time only with
minutes or with am or pm. Not promised: other ways to write them.
"""

import calendar
import re
from datetime import date

_MONTHS = list(calendar.month_name)[1:]
_NUMBERS = re.compile(r"(\d{4})(?:-(\d\d)-(\d\d)|年(\d{1,2})月(\d{1,2})日)")
_NAMED = re.compile(rf"(\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}})")
_CLOCK = re.compile(
    r"(?P<late>下午|晚上)?(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?P<half> ?[ap]m\b)?(?!\d)", re.IGNORECASE
)


def dates(text: str) -> list[str]:
    """Return the full dates of a text in ISO form; ValueError for one that no calendar has."""
    found = [tuple(int(part) for part in parts if part) for parts in _NUMBERS.findall(text)]
    found += [(int(year), _MONTHS.index(month) + 1, int(day)) for day, month, year in _NAMED.findall(text)]
    return [date(*parts).isoformat() for parts in found]


def times(text: str) -> list[str]:
    """Return the times of day of a text on the 24-hour clock."""
    found = []
    for clock in _CLOCK.finditer(text):
        half = (clock["half"] or "").strip().casefold()
        if clock["minute"] is None and not half:
            continue
        hour = int(clock["hour"]) % 12 if half or clock["late"] else int(clock["hour"])
        found.append(f"{hour + 12 * (half == 'pm' or bool(clock['late'])):02d}:{clock['minute'] or '00'}")
    return found
