"""Calendar arithmetic on ISO dates.

Promise: the proleptic Gregorian calendar from 0001-01-01 to 9999-12-31, in constant time. Adding months or
years keeps the day of the month, or takes the month's last day where it has no such day (2024-01-31 and one
month is 2024-02-29). A difference counts the days from `date` to `other_date`, neither rounded nor counted at
both ends, and is negative if `other_date` is the earlier. Not understood: today, times, time zones, other
calendars.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import field_validator, model_validator

from factory.tools.arguments import Arguments, plain_numbers, read
from factory.tools.errors import ToolError

BOUND = 1_000_000  # of the amount that is added
_NEEDED = {"difference": {"other_date"}, "add": {"amount", "unit"}, "weekday": set[str]()}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Calculation(Arguments):
    operation: Literal["difference", "add", "weekday"]
    date: str
    other_date: str | None = None
    amount: int | None = None
    unit: Literal["day", "week", "month", "year"] | None = None

    @field_validator("date", "other_date")
    @classmethod
    def _real(cls, text: str | None) -> str | None:
        return None if text is None else _day(text).isoformat()

    @field_validator("amount")
    @classmethod
    def _bounded(cls, amount: int | None) -> int | None:
        if amount is not None and abs(amount) > BOUND:
            raise ValueError(f"must be between -{BOUND} and {BOUND}")
        return amount

    @model_validator(mode="after")
    def _complete(self) -> "Calculation":
        given = {name for name in ("other_date", "amount", "unit") if getattr(self, name) is not None}
        if given != _NEEDED[self.operation]:
            needed = " and ".join(["date", *sorted(_NEEDED[self.operation])])
            raise ValueError(f"the operation {self.operation} takes {needed}, and nothing else")
        return self


def run(arguments: dict[str, Any]) -> str:
    """Return a number of days (`45 days`), a date (`2024-03-01`) or the English name of a weekday
    (`Monday`)."""
    call = read(Calculation, arguments)
    day = date.fromisoformat(call.date)
    if call.other_date is not None:
        days = (date.fromisoformat(call.other_date) - day).days
        return f"{days} {'day' if abs(days) == 1 else 'days'}"
    if call.amount is not None:
        try:
            return _moved(day, call.amount, str(call.unit)).isoformat()
        except (ValueError, OverflowError):
            raise ToolError(
                "out_of_range", "the result would lie before the year 1 or after the year 9999"
            ) from None
    return _WEEKDAYS[day.weekday()]


def canonical(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments in the form that is equal for calls that say the same: 20240305 is 2024-03-05, 2 weeks
    are 14 days."""
    try:
        values = read(Calculation, arguments).model_dump(exclude_none=True)
    except ToolError:
        return plain_numbers(arguments)
    for unit, smaller, count in (("week", "day", 7), ("year", "month", 12)):
        if values.get("unit") == unit:
            values |= {"unit": smaller, "amount": values["amount"] * count}
    return values


def _day(text: str) -> date:
    try:
        if len(text) <= 10 and text.isascii():
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("not a date of the calendar in the form YYYY-MM-DD")


def _moved(day: date, amount: int, unit: str) -> date:
    if unit in ("day", "week"):
        return day + timedelta(days=amount * (7 if unit == "week" else 1))
    month = day.year * 12 + day.month - 1 + amount * (12 if unit == "year" else 1)
    year, month = divmod(month, 12)
    return (
        date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
        if 1 <= year <= 9999
        else date(year, 1, 1)
    )
