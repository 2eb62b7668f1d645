"""Connections are ones of the timetable, and come as nested JSON."""

import json
from itertools import permutations
from typing import Any

import pytest

from factory.system.digest import canonical_json
from factory.tools.registry import run_tool
from factory.tools.train_timetable import STATIONS


def trains(start: str, end: str, **more: Any) -> dict[str, Any]:
    return json.loads(run_tool("train_timetable", {"from_station": start, "to_station": end, **more}))


def test_a_direct_train_with_its_stops() -> None:
    found = trains("Northgate", "Stonebridge", depart_after="08:00")
    assert found == {
        "from": "Northgate",
        "to": "Stonebridge",
        "connections": [
            {
                "departs": "08:05",
                "arrives": "08:29",
                "minutes": 24,
                "changes": 0,
                "legs": [
                    {
                        "train": "C3",
                        "from": "Northgate",
                        "to": "Stonebridge",
                        "stops": [
                            {"station": "Northgate", "time": "08:05"},
                            {"station": "Millbrook", "time": "08:16"},
                            {"station": "Stonebridge", "time": "08:29"},
                        ],
                    }
                ],
            }
        ],
    }
    assert run_tool(
        "train_timetable", {"from_station": "Northgate", "to_station": "Stonebridge", "depart_after": "8:00"}
    ) == canonical_json(found)


@pytest.mark.parametrize(("start", "end"), list(permutations(STATIONS, 2)))
def test_connections_are_ones_that_a_passenger_can_take(start: str, end: str) -> None:
    connections = trains(start, end, limit=5)["connections"]
    assert connections
    for found in connections:
        legs = found["legs"]
        assert (legs[0]["from"], legs[-1]["to"], found["changes"]) == (start, end, len(legs) - 1)
        assert (found["departs"], found["arrives"]) == (
            legs[0]["stops"][0]["time"],
            legs[-1]["stops"][-1]["time"],
        )
        times = [stop["time"] for leg in legs for stop in leg["stops"]]
        assert times == sorted(times)
        for leg in legs:
            assert (leg["stops"][0]["station"], leg["stops"][-1]["station"]) == (leg["from"], leg["to"])
        if len(legs) == 2:
            assert legs[0]["to"] == legs[1]["from"]
    assert [found["departs"] for found in connections] == sorted({found["departs"] for found in connections})
    assert [found["arrives"] for found in connections] == sorted(found["arrives"] for found in connections)
