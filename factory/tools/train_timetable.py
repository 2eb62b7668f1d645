"""Connections in an invented railway, as nested JSON.

Promise: the timetable is `data/tools/timetable.json`, the same every day; a connection takes one train, or
two with at least five minutes at the station in between, and none that ends after midnight exists.
Connections are sorted by arrival, and one that leaves earlier without arriving earlier is left out. The work
is bounded by the timetable. Not promised: real places, delays, fares.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Annotated, Any, NamedTuple

from pydantic import Field, field_validator, model_validator

from factory.system.digest import canonical_json
from factory.system.resources import resource
from factory.tools.arguments import Arguments, plain_numbers, read
from factory.tools.errors import ToolError

CHANGE_MINUTES = 5
STATIONS = ("Northgate", "Millbrook", "Stonebridge", "Lakeside", "Harbour", "Westfield", "Orchard", "Summit")
_BY_NAME = {name.lower(): name for name in STATIONS}


class Journey(Arguments):
    from_station: str
    to_station: str
    depart_after: str = "00:00"
    limit: Annotated[int, Field(ge=1, le=5)] = 1

    @field_validator("from_station", "to_station")
    @classmethod
    def _known(cls, name: str) -> str:
        if (station := _BY_NAME.get(name.lower())) is None:
            raise ValueError(f"unknown station, write one of {', '.join(STATIONS)}")
        return station

    @field_validator("depart_after")
    @classmethod
    def _time(cls, text: str) -> str:
        hours, _, minutes = text.partition(":")
        whole = (
            text.isascii() and hours.isdigit() and minutes.isdigit() and len(hours) <= 2 and len(minutes) == 2
        )
        if not whole or int(hours) > 23 or int(minutes) > 59:
            raise ValueError("not a time of day in the form HH:MM")
        return f"{int(hours):02d}:{minutes}"

    @model_validator(mode="after")
    def _apart(self) -> "Journey":
        if self.from_station == self.to_station:
            raise ValueError("from_station and to_station are the same")
        return self


class Train(NamedTuple):
    """One train: its name, and the minute of the day at which it is at each station, in order."""

    name: str
    stops: dict[str, int]


class Leg(NamedTuple):
    """A ride on one train."""

    train: Train
    start: str
    end: str

    @property
    def departs(self) -> int:
        return self.train.stops[self.start]

    @property
    def arrives(self) -> int:
        return self.train.stops[self.end]


def run(arguments: dict[str, Any]) -> str:
    """Return the next connections as canonical JSON: `{"connections": [{"arrives", "changes", "departs",
    "legs": [{"from", "stops": [{"station", "time"}], "to", "train"}], "minutes"}], "from", "to"}`. Raise
    `not_found` if there is none until midnight."""
    call = read(Journey, arguments)
    after = _minute(call.depart_after)
    found = sorted(
        (legs for legs in _connections(call.from_station, call.to_station) if legs[0].departs >= after),
        key=lambda legs: (legs[-1].arrives, -legs[0].departs, len(legs), [leg.train.name for leg in legs]),
    )
    best: list[tuple[Leg, ...]] = []
    for legs in found:
        if not best or legs[0].departs > best[-1][0].departs:
            best.append(legs)
    if not best:
        raise ToolError(
            "not_found",
            f"no train goes from {call.from_station} to {call.to_station} after {call.depart_after}",
        )
    connections = [_connection(legs) for legs in best[: call.limit]]
    return canonical_json({"connections": connections, "from": call.from_station, "to": call.to_station})


def canonical(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments in the form that is equal for calls that say the same: defaults written out, 8:05 is
    08:05."""
    try:
        return read(Journey, arguments).model_dump()
    except ToolError:
        return plain_numbers(arguments)


def _connections(start: str, end: str) -> Iterator[tuple[Leg, ...]]:
    rides = [
        Leg(train, a, b)
        for train in _trains()
        for a, b in product(train.stops, repeat=2)
        if train.stops[a] < train.stops[b]
    ]
    first = [leg for leg in rides if leg.start == start]
    yield from ((leg,) for leg in first if leg.end == end)
    last = [leg for leg in rides if leg.end == end]
    yield from (pair for pair in product(first, last) if pair[0].end == pair[1].start and _reached(*pair))


def _reached(one: Leg, two: Leg) -> bool:
    return one.train is not two.train and one.arrives + CHANGE_MINUTES <= two.departs


def _connection(legs: tuple[Leg, ...]) -> dict[str, Any]:
    return {
        "departs": _clock(legs[0].departs),
        "arrives": _clock(legs[-1].arrives),
        "minutes": legs[-1].arrives - legs[0].departs,
        "changes": len(legs) - 1,
        "legs": [
            {
                "train": leg.train.name,
                "from": leg.start,
                "to": leg.end,
                "stops": [
                    {"station": station, "time": _clock(minute)}
                    for station, minute in leg.train.stops.items()
                    if leg.departs <= minute <= leg.arrives
                ],
            }
            for leg in legs
        ],
    }


@cache
def _trains() -> tuple[Train, ...]:
    lines = json.loads(resource("data", "tools", "timetable.json").read_text(encoding="utf-8"))["lines"]
    return tuple(
        Train(name, {station: _minute(departure) + minutes for station, minutes in line["stops"]})
        for line in lines
        for name, departure in line["departures"].items()
    )


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
