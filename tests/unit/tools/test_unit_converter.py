"""Conversions are exact fractions, rounded once."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.tools.errors import ToolError
from factory.tools.registry import run_tool
from factory.tools.unit_converter import FACTORS, decimal


def convert(value: Any, from_unit: str, to_unit: str) -> str:
    return run_tool("unit_converter", {"value": value, "from_unit": from_unit, "to_unit": to_unit})


@pytest.mark.parametrize(
    ("value", "from_unit", "to_unit", "answer"),
    [
        (5, "kilometre", "mile", "3.106856 mile"),
        (1, "mile", "metre", "1609.344 metre"),
        (6, "foot", "centimetre", "182.88 centimetre"),
        (100, "kilometre_per_hour", "metre_per_second", "27.777778 metre_per_second"),
        (30, "knot", "kilometre_per_hour", "55.56 kilometre_per_hour"),
        (98.6, "fahrenheit", "celsius", "37 celsius"),
        (-40, "celsius", "fahrenheit", "-40 fahrenheit"),
        (0, "kelvin", "celsius", "-273.15 celsius"),
        (0.1, "metre", "millimetre", "100 millimetre"),
        (3, "gibibyte", "megabyte", "3221.225472 megabyte"),
        (15, "mu", "hectare", "1 hectare"),
        (1, "millimetre", "mile", "0.000000621371 mile"),
        (-2.5, "hour", "minute", "-150 minute"),
        (0, "gram", "tonne", "0 tonne"),
        (7.0, "Day", "WEEK", "1 week"),
    ],
)
def test_conversions(value: float, from_unit: str, to_unit: str, answer: str) -> None:
    assert convert(value, from_unit, to_unit) == answer


@given(st.integers(1, 10**6), st.sampled_from(sorted(FACTORS)), st.data())
def test_a_conversion_agrees_with_fractions(value: int, quantity: str, data: st.DataObject) -> None:
    start, end = (data.draw(st.sampled_from(sorted(FACTORS[quantity]))) for _ in range(2))
    exact = value * FACTORS[quantity][start] / FACTORS[quantity][end]
    if exact >= 10**15:
        with pytest.raises(ToolError, match="out_of_range"):
            convert(value, start, end)
        return
    number, unit = convert(value, start, end).split()
    assert unit == end
    assert abs(Fraction(number) - exact) <= (Fraction(5, 10**7) if exact >= 1 else Fraction(5, 10**6) * exact)


@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_a_decimal_has_six_places_or_six_significant_digits(value: Fraction) -> None:
    shown = Fraction(decimal(value))
    assert abs(shown - value) <= (Fraction(5, 10**7) if abs(value) >= 1 else Fraction(5, 10**6) * abs(value))
