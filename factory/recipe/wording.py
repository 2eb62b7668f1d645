"""Messages for pydantic's errors, in words for the person who wrote the recipe.

Promise: one fault for each error, at the place where a person would look, with the nearest valid name for a
wrong key or choice. A wrong value is shown only where it is a choice from a closed set or a number: a key
pasted into the wrong field is not printed.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from factory.adapters.adapter import NAME
from factory.adapters.kinds import ADAPTERS
from factory.recipe.checks import CHECKS, WITH_SETTINGS
from factory.recipe.data import LIST, SOURCE_NAME
from factory.recipe.distill import NUMBER, SCHEDULE
from factory.recipe.model import ENDPOINT, SLUG, VARIABLE, Recipe
from factory.recipe.model_name import REVISION
from factory.recipe.source import Fault, Source, Where
from factory.recipe.stages import STAGES
from factory.system.settings import models_in
from factory.tasks.kinds import KINDS
from factory.tasks.settings import LANGUAGE

_PATTERNS = {
    SLUG: "must be lower-case letters, digits and dashes, at most 63, and not start with a dash",
    LANGUAGE: "must be the code of a language, two or three lower-case letters such as de",
    SOURCE_NAME: "must be lower-case letters, digits and dashes, at most 31, and start with a letter",
    NAME: "must be lower-case letters, digits and dashes, at most 31, and not start with a dash",
    REVISION: "must be a full commit: 40 hexadecimal digits in lower case",
    ENDPOINT: "must be an http or https URL, mostly ending in /v1, without user, fragment or any query but "
    "?api-version=",
    VARIABLE: (
        "must be the NAME of an environment variable (capitals, digits and underscores), never the key itself"
    ),
}
_TYPES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping (key: value)",
    "tuple_type": "must be a list",
}
_BOUNDS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}


def faults(error: ValidationError, source: Source) -> Iterator[Fault]:
    """Yield the faults that `Recipe.model_validate(source.value)` found."""
    for detail in error.errors(include_url=False):
        where = _where(detail["loc"]) + (
            ("kind",) if detail["type"] == "kind" and isinstance(detail["input"], dict) else ()
        )
        # A list whose items are all wrong is reported as too short as well.
        if not source.is_spoiled(where) and not (detail["type"] == "too_short" and detail["input"]):
            yield source.fault(where, _message(detail, where))


def nearest(word: str, names: tuple[str, ...]) -> str:
    """Return `; did you mean 'x'?` for the nearest of `names`, or nothing when none is near."""
    close = get_close_matches(word[:64].lower(), names, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _where(location: tuple[int | str, ...]) -> Where:
    # Behind what a union stands for pydantic repeats the tag: the stage's name, the check's, the kind, a
    # number or its schedule.
    location = tuple(part for part in location if part not in (NUMBER, SCHEDULE))
    if location[:2] == ("data", LIST):
        # A list of sources, the place of one, its kind, and where its checks are that of a check.
        place, inner = location[2:3], location[4:]
        cut = inner[:2] + inner[3:] if inner[:1] == ("checks",) else inner
        return ("data", *place, *cut)
    for union, tag in (
        (("student", "stages"), 3),
        (("checks",), 2),
        (("data",), 1),
        (("student", "adapter"), 2),
    ):
        if location[: len(union)] == union:
            return location[:tag] + location[tag + 1 :]
    return location


def _message(error: ErrorDetails, where: Where) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "missing":
        return "required, but missing"
    if kind == "extra_forbidden":
        return _unknown_key(where)
    if kind == "stage":
        return _wrong_item(value, tuple(STAGES), "stage", tuple(STAGES), error["msg"])
    if kind == "check":
        return _wrong_item(value, CHECKS, "check", WITH_SETTINGS, error["msg"])
    if kind == "kind":
        word = value.get("kind") if isinstance(value, dict) else None
        kinds = tuple(ADAPTERS) if where[:2] == ("student", "adapter") else tuple(KINDS)
        return (
            f"{_shown(word)} is not one of {', '.join(kinds)}{nearest(word, kinds)}"
            if isinstance(word, str)
            else error["msg"]
        )
    if kind == "literal_error":
        choices = tuple(re.findall(r"'([^']*)'", context["expected"])) or (context["expected"],)
        suggestion = nearest(value, choices) if isinstance(value, str) else ""
        return f"{_shown(value)} is not one of {', '.join(choices)}{suggestion}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]]
    if kind in _TYPES:
        return f"{_TYPES[kind]}, not {_nature(value)}"
    if kind in _BOUNDS:
        return f"{_BOUNDS[kind].format(**context)}, not {_shown(value)}"
    if kind == "finite_number":
        return "must be a finite number"
    if kind in ("too_short", "string_too_short"):
        return "must not be empty"
    if kind == "too_long":
        return f"at most {context['max_length']} items"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters"
    return error["msg"]


def _unknown_key(where: Where) -> str:
    *parents, key = where
    models: set[type[BaseModel]] = {Recipe}
    for part in parents:
        if isinstance(part, str):
            models = {
                inner
                for model in models
                if part in model.model_fields
                for inner in models_in(model.model_fields[part].annotation)
            }
    names = tuple(name for model in models for name in model.model_fields)
    return f"unknown key{nearest(str(key), names) or '; known are ' + ', '.join(names)}"


def _wrong_item(
    value: Any, names: tuple[str, ...], what: str, mappings: tuple[str, ...], otherwise: str
) -> str:
    word = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else value
    if not isinstance(word, str):
        return otherwise
    if word in mappings:
        return f"must be a mapping, such as {word}: {{steps: 40}}" if what == "stage" else otherwise
    if word in names:
        return f"{word} has no settings: write its name alone"
    return f"unknown {what} {_shown(word)}{nearest(word, names) or '; known are ' + ', '.join(names)}"


def _nature(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else f"the number {_shown(value)}"


def _shown(value: Any) -> str:
    """Return a value for a message: short, and with nothing in it that a terminal would obey."""
    text = repr(value) if isinstance(value, str | int | float) else _nature(value)
    return text if len(text) <= 64 else text[:61] + "..."
