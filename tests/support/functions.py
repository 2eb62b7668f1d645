"""A small set of tasks with tools of their own: one call, two at once, none, English and Chinese."""

from typing import Any

from factory.seeds.offered import fitting_calls, offered_tools, tools_text
from factory.seeds.seed import Seed

Call = dict[str, Any]
# xLAM's flat form, JSON Schema, BFCL's words.
FORECAST = {
    "name": "get_forecast",
    "description": "The weather to come.",
    "parameters": {
        "city": {"type": "str", "description": "Where."},
        "days": {"type": "int, optional", "description": "How many.", "default": 3},
    },
}
LAMP = {
    "name": "switch_lamp",
    "description": "Switches a lamp.",
    "parameters": {
        "type": "object",
        "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
        "required": ["room", "on"],
        "additionalProperties": False,
    },
}
ROUTE = {
    "name": "maps.route",
    "description": "A way.",
    "parameters": {
        "type": "dict",
        "properties": {
            "to": {"type": "string"},
            "points": {"type": "tuple", "items": {"type": "float"}},
            "speed": {"type": "float"},
            "about": {"type": "dict", "properties": {"toll": {"type": "boolean"}}},
        },
        "required": ["to"],
    },
}


def call(name: str, **arguments: Any) -> Call:
    return {"name": name, "arguments": arguments}


def row(query: str, tools: list[Any], *answers: Call, **more: Any) -> dict[str, Any]:
    return {"query": query, "tools": tools, "answers": list(answers), **more}


ROWS = [
    row("Weather in Lisbon for 5 days?", [FORECAST, LAMP], call("get_forecast", city="Lisbon", days=5)),
    row("Light in the hall, please.", [LAMP], call("switch_lamp", room="hall", on=True)),
    row(
        "Hall on, attic off.",
        [ROUTE, LAMP],
        call("switch_lamp", room="hall", on=True),
        call("switch_lamp", room="attic", on=False),
        family="parallel",
    ),
    row("Who wrote Faust?", [FORECAST], family="none"),
    row("去外滩怎么走？", [ROUTE], call("maps.route", to="外滩"), language="zh"),
]
HELD_OUT = [
    row("Put the lamp in the study out.", [LAMP, FORECAST], call("switch_lamp", room="study", on=False)),
    row("Will it rain in Oslo?", [FORECAST], call("get_forecast", city="Oslo")),
    row("Tell me a story.", [LAMP]),
]


def seed(query: str, tools: list[Any], *answers: Call, known: bool = True, **more: Any) -> Seed:
    """Return a seed as a row makes it; `known`: with its reference."""
    specs = offered_tools(tools)
    reference = fitting_calls([list(answers)] if answers else [], specs) if known else ""
    about = {"language": "en", "family": "single"} | more
    return Seed(query, about["language"], about["family"], query, reference, "s.jsonl", 1,
                tools=tools_text(specs))  # fmt: skip


def seeds(rows: list[dict[str, Any]] = ROWS) -> list[Seed]:
    return [
        seed(one["query"], one["tools"], *one["answers"],
             language=one.get("language", "en"), family=one.get("family", "single"))
        for one in rows
    ]  # fmt: skip
