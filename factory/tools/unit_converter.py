"""Conversion between units, in fractions.

Promise: each factor is the unit's definition (an inch is 0.0254 m, a US gallon 3.785411784 L, a nautical mile
1852 m), so that nothing is lost before the one rounding at the end: half-even to six decimal places, or to
six significant digits if the result is smaller than 1. Units of different quantities are refused. Not
understood: compound units other than the speeds and areas below, currencies, time zones.
"""

from fractions import Fraction
from typing import Any

from pydantic import field_validator

from factory.tools.arguments import Arguments, plain_numbers, read
from factory.tools.errors import ToolError

BOUND = 10**15  # of the value and of the result, and one through it of both unless they are 0
PLACES = 6

# quantity -> unit -> its size in the quantity's first unit
FACTORS: dict[str, dict[str, Fraction]] = {
    quantity: {unit: Fraction(factor) for unit, factor in units.items()}
    for quantity, units in {
        "length": {
            "metre": "1",
            "millimetre": "1/1000",
            "centimetre": "1/100",
            "kilometre": "1000",
            "inch": "0.0254",
            "foot": "0.3048",
            "yard": "0.9144",
            "mile": "1609.344",
            "nautical_mile": "1852",
        },
        "mass": {
            "kilogram": "1",
            "milligram": "1/1000000",
            "gram": "1/1000",
            "tonne": "1000",
            "ounce": "0.028349523125",
            "pound": "0.45359237",
            "jin": "1/2",
        },
        "volume": {
            "litre": "1",
            "millilitre": "1/1000",
            "cubic_metre": "1000",
            "us_cup": "0.2365882365",
            "us_pint": "0.473176473",
            "us_gallon": "3.785411784",
        },
        "area": {
            "square_metre": "1",
            "square_kilometre": "1000000",
            "hectare": "10000",
            "square_foot": "0.09290304",
            "acre": "4046.8564224",
            "mu": "2000/3",
        },
        "time": {
            "second": "1",
            "millisecond": "1/1000",
            "minute": "60",
            "hour": "3600",
            "day": "86400",
            "week": "604800",
        },
        "speed": {
            "metre_per_second": "1",
            "kilometre_per_hour": "5/18",
            "mile_per_hour": "0.44704",
            "knot": "463/900",
        },
        "data": {
            "byte": "1",
            "bit": "1/8",
            "kilobyte": "1000",
            "megabyte": "1000000",
            "gigabyte": "1000000000",
            "terabyte": "1000000000000",
            "kibibyte": "1024",
            "mebibyte": "1048576",
            "gibibyte": "1073741824",
        },
    }.items()
}
TEMPERATURES = ("celsius", "fahrenheit", "kelvin")
QUANTITIES = {unit: quantity for quantity, units in FACTORS.items() for unit in units} | dict.fromkeys(
    TEMPERATURES, "temperature"
)
UNITS = tuple(QUANTITIES)
_ZERO = Fraction("273.15")  # 0 degrees Celsius in kelvin


class Conversion(Arguments):
    value: int | float
    from_unit: str
    to_unit: str

    @field_validator("from_unit", "to_unit")
    @classmethod
    def _known(cls, unit: str) -> str:
        if (name := unit.lower()) not in QUANTITIES:
            raise ValueError(f"unknown unit, write one of {', '.join(UNITS)}")
        return name


def run(arguments: dict[str, Any]) -> str:
    """Return a value in another unit as text, number and unit: `3.106856 mile`."""
    call = read(Conversion, arguments)
    quantities = QUANTITIES[call.from_unit], QUANTITIES[call.to_unit]
    if quantities[0] != quantities[1]:
        raise ToolError(
            "incompatible_units",
            f"{call.from_unit} measures {quantities[0]} and {call.to_unit} {quantities[1]}",
        )
    # Before it becomes a text: Python refuses to write integers of thousands of digits.
    _require_bounded(call.value, "the value")
    # The text of a float is the number that was written; its binary value is not.
    value = Fraction(str(call.value))
    if quantities[0] == "temperature":
        result = _from_kelvin(_kelvin(value, call.from_unit), call.to_unit)
    else:
        factors = FACTORS[quantities[0]]
        result = value * factors[call.from_unit] / factors[call.to_unit]
    _require_bounded(result, "the result")
    return f"{decimal(result)} {call.to_unit}"


def canonical(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments in the form that is equal for calls that say the same: 5.0 is 5, and Metre is
    metre."""
    return {
        key: value.lower() if isinstance(value, str) else value
        for key, value in plain_numbers(arguments).items()
    }


def decimal(value: Fraction) -> str:
    """Return a fraction as a decimal: half-even to six places, or to six significant digits below 1, without
    trailing zeros."""
    places = PLACES
    if value and abs(value) < 1:
        places += len(str(value.denominator // abs(value.numerator))) - 1
    scaled = round(value * 10**places)
    whole, rest = divmod(abs(scaled), 10**places)
    return ("-" if scaled < 0 else "") + f"{whole}.{rest:0{places}d}".rstrip("0").rstrip(".")


def _require_bounded(number: int | float | Fraction, what: str) -> None:
    size = max(number, -number)
    if size and not Fraction(1, BOUND) <= size < BOUND:
        raise ToolError("out_of_range", f"{what} must be smaller than 10**15, and 0 or at least 10**-15")


def _kelvin(value: Fraction, unit: str) -> Fraction:
    match unit:
        case "celsius":
            kelvin = value + _ZERO
        case "fahrenheit":
            kelvin = (value - 32) * 5 / 9 + _ZERO
        case _:
            kelvin = value
    if kelvin < 0:
        raise ToolError("out_of_range", "there is no temperature below absolute zero")
    return kelvin


def _from_kelvin(kelvin: Fraction, unit: str) -> Fraction:
    match unit:
        case "celsius":
            return kelvin - _ZERO
        case "fahrenheit":
            return (kelvin - _ZERO) * 9 / 5 + 32
    return kelvin
