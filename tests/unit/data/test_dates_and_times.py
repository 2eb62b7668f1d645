"""What the data's dates and times are compared with reads them rightly."""

import pytest

from tests.support.dates_and_times import dates, times


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("on 2026-05-14, then 3 July 2027", ["2026-05-14", "2027-07-03"]),
        ("2026年5月1日", ["2026-05-01"]),
        ("the 3rd of May, 14 May", []),
    ],
)
def test_a_date_has_its_year(text: str, found: list[str]) -> None:
    assert dates(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12 am, 12:30 pm, 4 pm", ["00:00", "12:30", "16:00"]),
        ("晚上9:45和凌晨1:40", ["21:45", "01:40"]),
        ("at 9:15, for 20 pounds, 7 amps", ["09:15"]),
    ],
)
def test_a_time_is_on_the_24_hour_clock(text: str, found: list[str]) -> None:
    assert times(text) == found


def test_a_date_that_no_calendar_has_is_an_error() -> None:
    with pytest.raises(ValueError):
        dates("2026-02-30")
