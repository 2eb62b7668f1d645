"""Dates are those of the calendar, from the year 1 to 9999."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.tools.errors import ToolError
from factory.tools.registry import run_tool


def dates(operation: str, day: str, **more: Any) -> str:
    return run_tool("date_calculator", {"operation": operation, "date": day, **more})


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ({"operation": "difference", "date": "2024-02-01", "other_date": "2024-03-01"}, "29 days"),
        ({"operation": "difference", "date": "2024-03-02", "other_date": "2024-03-01"}, "-1 day"),
        ({"operation": "difference", "date": "0001-01-01", "other_date": "9999-12-31"}, "3652058 days"),
        ({"operation": "add", "date": "2024-01-31", "amount": 1, "unit": "month"}, "2024-02-29"),
        ({"operation": "add", "date": "2024-02-29", "amount": 1, "unit": "year"}, "2025-02-28"),
        ({"operation": "add", "date": "2024-03-31", "amount": -1, "unit": "month"}, "2024-02-29"),
        ({"operation": "add", "date": "2023-12-31", "amount": 2, "unit": "week"}, "2024-01-14"),
        ({"operation": "add", "date": "9999-12-30", "amount": 1, "unit": "day"}, "9999-12-31"),
        ({"operation": "add", "date": "2024-12-31", "amount": 0, "unit": "month"}, "2024-12-31"),
        ({"operation": "weekday", "date": "2000-01-01"}, "Saturday"),
        ({"operation": "weekday", "date": "1900-03-01"}, "Thursday"),
    ],
)
def test_dates(arguments: dict[str, Any], answer: str) -> None:
    assert run_tool("date_calculator", arguments) == answer


@given(st.dates(), st.integers(-(10**6), 10**6))
def test_a_difference_undoes_an_addition(day: date, amount: int) -> None:
    try:
        moved = dates("add", day.isoformat(), amount=amount, unit="day")
    except ToolError as error:
        assert error.reason == "out_of_range"
        with pytest.raises(OverflowError):
            day + timedelta(days=amount)
        return
    assert dates("difference", day.isoformat(), other_date=moved).split()[0] == str(amount)


@given(st.dates(), st.integers(-2000, 2000))
def test_adding_months_lands_in_the_right_month(day: date, amount: int) -> None:
    try:
        moved = date.fromisoformat(dates("add", day.isoformat(), amount=amount, unit="month"))
    except ToolError as error:
        assert error.reason == "out_of_range"
        assert not 1 <= (day.year * 12 + day.month - 1 + amount) // 12 <= 9999
        return
    assert moved.year * 12 + moved.month == day.year * 12 + day.month + amount
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(days=1)).day == 1)
