"""The table of kinds of data. A new one is a folder or a file of its name in `factory/tasks/` that holds a
`KIND`, and a line here."""

from importlib import import_module
from typing import Any

from factory.seeds.formats import SeedFormats
from factory.tasks.kind import Kind

_NAMES = (
    "tool_call",
    "function_call",
    "rationale",
    "instruction",
    "label",
    "extract",
    "labelled",
)
KINDS: dict[str, Kind[Any, Any]] = {name: import_module(f"factory.tasks.{name}").KIND for name in _NAMES}
_PLAIN: Kind[Any, Any] = Kind()


def stored_kind(name: str) -> Kind[Any, Any]:
    """Return the kind of a stored sample; one of plain questions and answers where it is not in the table."""
    return KINDS.get(name, _PLAIN)


def seed_formats(kind: str) -> SeedFormats:
    """Return the formats of seeds for a kind."""
    # The format of tool calls is asked last: others have its question and reference, too.
    known = dict.fromkeys(each for one in reversed(KINDS.values()) for each in one.seed_formats)
    return SeedFormats(kind, KINDS[kind].own_format, KINDS[kind].seed_formats, tuple(known))
