"""A JSON file whose rows are an array inside one object: `{"data": […]}`, `{"train": […], "test": […]}`.

Promise: the lines of the rows are those of the file. Where the arrays are splits, one has to be asked for;
where it is not plain which array holds the rows, they are named.
"""

import json
import re
from pathlib import Path
from typing import Any

from factory.errors import InputError
from factory.seeds.splits import choose_split, split_of_name

_USUAL = (
    "data",
    "rows",
    "examples",
    "items",
    "records",
    "questions",
    "samples",
    "tasks",
    "instances",
    "train",
)
_SPACE = re.compile(r"[ \t\r\n]*")


def around_rows(data: bytes, path: Path, split: str | None) -> bytes | None:
    """Return the text with all but the array of its rows blanked; None if it is no object around an array."""
    if data.lstrip()[:1] != b"{":
        return None
    try:
        text = data.decode()
        arrays = _arrays(text)
    except (ValueError, RecursionError):
        return None
    if arrays is None:
        return None
    name = _chosen(list(arrays), path, split)
    start, end = arrays[name]
    before = re.sub(r"[^\n]", "", text[:start])
    return (before + text[start:end]).encode()


def _chosen(names: list[str], path: Path, split: str | None) -> str:
    if len(names) > 1 and any(split_of_name(name) for name in names):
        named = {name: split_of_name(name) for name in names}
        chosen = choose_split(named, split, str(path))
        return chosen[0]
    if split is not None:
        return choose_split({name: split_of_name(name) for name in names}, split, str(path))[0]
    usual = [name for name in _USUAL if name in names]
    if len(names) == 1 or len(usual) == 1:
        return (usual or names)[0]
    raise InputError(
        f"{path} holds several lists: {', '.join(names[:20])}",
        "Write the one with the tasks to a file of its own.",
    )


def _arrays(text: str) -> dict[str, tuple[int, int]] | None:
    """Return where the lists of objects stand in the text of one object, by their keys; None if there is
    none, or the text is no one object."""
    place = _after(text, text.index("{") + 1)
    decoder, found = json.JSONDecoder(), dict[str, tuple[int, int]]()
    while text[place : place + 1] == '"':
        key, place = decoder.raw_decode(text, place)
        place = _after(text, _after(text, place) + 1)
        value: Any
        value, end = decoder.raw_decode(text, place)
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            found[key] = place, end
        place = _after(text, end)
        if text[place : place + 1] == ",":
            place = _after(text, place + 1)
    whole = text[place : place + 1] == "}" and not text[place + 1 :].strip()
    # One line of JSON Lines is an object, too: a conversation and its turns are no file of rows.
    rows = {key: span for key, span in found.items() if key in _USUAL or split_of_name(key)}
    return (rows or None) if whole else None


def _after(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place
