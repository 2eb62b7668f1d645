"""YAML text to plain values, with the line of each.

Promise: a recipe is data. Tags, anchors and aliases are refused, so a file can neither build objects nor grow
in memory; nesting and the number of values are capped; a key given twice is a fault. Plain scalars follow the
YAML 1.2 core schema, as editors do: `1e-3` is a number, `yes` and `on` are text. Not promised: that the
values make a recipe.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

MAX_DEPTH = 16
MAX_VALUES = 5000

Where = tuple[str | int, ...]

# libyaml is some thirty times faster; events (not nodes) keep deep nesting off the C stack.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
# Longer integers than Python converts fall through to the float pattern and become infinite, which no field
# takes.
_INT = re.compile(r"[-+]?[0-9]{1,4000}")
_BASED = re.compile(r"0x[0-9a-fA-F]{1,4000}|0o[0-7]{1,4000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


class Fault(NamedTuple):
    """One thing that is wrong: its line (from 1), the dotted place (may be empty), what is wrong."""

    line: int
    where: str
    message: str


@dataclass(frozen=True)
class Source:
    """A YAML document as plain values; `value` is None when it could not be read to the end, and `faults`
    says why."""

    value: dict[str, Any] | None
    lines: dict[Where, int]
    faults: list[Fault]
    spoiled: set[Where]

    def fault(self, where: Where, message: str) -> Fault:
        """Return a fault at a place; a key that is missing has the line of its parent."""
        at = where
        while at and at not in self.lines:
            at = at[:-1]
        return Fault(self.lines.get(at, 1), dotted(where), message)

    def at(self, *where: str | int) -> Any:
        """Return the value at a place, None where there is none."""
        value: Any = self.value
        for part in where:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def is_absent(self, key: str) -> bool:
        """Whether the recipe has no such part, and none that was refused."""
        return self.at(key) is None and not self.is_spoiled((key,))

    def is_spoiled(self, where: Where) -> bool:
        """Whether a value there, or around it, was refused already, so that more faults about it would only
        be noise."""
        return any(where[:end] in self.spoiled for end in range(len(where) + 1))


def read_source(text: str) -> Source:
    """Read one YAML document whose top level is a mapping; never raises, whatever the text."""
    reader = _Reader(yaml.parse(text, Loader=_LOADER))
    try:
        return Source(reader.document(), reader.lines, reader.faults, reader.spoiled)
    except _Stop as stop:
        fault = stop.fault
    except yaml.YAMLError as error:
        fault = _syntax_fault(error, text)
    return Source(None, {}, [fault], set())


def dotted(where: Where) -> str:
    """Write a place as a person would: `student.stages[1].distill.steps`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" for part in where)
    return text.removeprefix(".")


def _printable(key: str) -> str:
    plain = key if len(key) <= 64 else key[:61] + "..."
    return plain if plain.isprintable() and plain else repr(plain)


class _Stop(Exception):
    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.fault = Fault(line, "", message)


@dataclass
class _Reader:
    events: Iterator[Any]
    lines: dict[Where, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoiled: set[Where] = field(default_factory=set)
    values: int = 0

    def document(self) -> dict[str, Any]:
        next(self.events)
        if isinstance(next(self.events), StreamEndEvent):
            raise _Stop(1, "the file is empty; a recipe is a mapping (name: ..., teacher: ..., data: ...)")
        root = next(self.events)
        if not isinstance(root, MappingStartEvent):
            raise _Stop(_line(root), "a recipe is a mapping (name: ..., teacher: ..., data: ...)")
        value: dict[str, Any] = self.value(root, ())
        next(self.events)
        if not isinstance(after := next(self.events), StreamEndEvent):
            raise _Stop(_line(after), "a second document starts here; a recipe is one document")
        return value

    def value(self, event: Any, where: Where) -> Any:
        self.lines.setdefault(where, _line(event))
        self.values += 1
        if self.values > MAX_VALUES:
            raise _Stop(_line(event), f"more than {MAX_VALUES} values; this is no recipe")
        if len(where) > MAX_DEPTH:
            raise _Stop(_line(event), f"nested more than {MAX_DEPTH} deep; this is no recipe")
        self.refuse_marks(event, where)
        if isinstance(event, ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, MappingStartEvent):
            return self.mapping(where)
        return self.sequence(where) if isinstance(event, SequenceStartEvent) else None

    def sequence(self, where: Where) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            items.append(self.value(event, (*where, len(items))))
        return items

    def mapping(self, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self.events), MappingEndEvent):
            name = self.key(key, where)
            place = (*where, name)
            first = self.lines.setdefault(place, _line(key))
            value = self.value(next(self.events), place)
            if name in found:
                self.refuse(key, place, f"given twice; it is on line {first} already")
            found.setdefault(name, value)
        return found

    def key(self, event: Any, where: Where) -> str:
        if isinstance(event, ScalarEvent):
            name: str = event.value
            self.refuse_marks(event, (*where, name))
            return name
        self.refuse(event, where, "a key must be a plain word")
        name = f"line {_line(event)}"
        self.value(event, (*where, name))
        self.spoiled.add((*where, name))
        return name

    def refuse_marks(self, event: Any, where: Where) -> None:
        """Record the fault of a tag, an anchor or an alias; the value of a tag or an alias is not looked at
        again."""
        if isinstance(event, AliasEvent):
            self.refuse(
                event, where, f"aliases (*{_printable(str(event.anchor))}) are refused; write the value out"
            )
            self.spoiled.add(where)
            return
        if event.anchor is not None:
            self.refuse(
                event, where, f"anchors (&{_printable(event.anchor)}) are refused; write the value out"
            )
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(event, where, f"tags ({_printable(tag)}) are refused; a recipe is plain data")
            self.spoiled.add(where)

    def refuse(self, event: Any, where: Where, message: str) -> None:
        self.faults.append(Fault(_line(event), dotted(where), message))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(text: str) -> Any:
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if _NAN.fullmatch(text) else text


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        context = (
            f" ({error.context}, line {error.context_mark.line + 1})"
            if error.context and error.context_mark
            else ""
        )
        return Fault(mark.line + 1, "", f"column {mark.column + 1}: not valid YAML: {error.problem}{context}")
    if isinstance(error, yaml.reader.ReaderError):
        # Searched again: the C loader counts bytes, the Python loader characters.
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        before = text[: found.start()] if found else ""
        return Fault(
            before.count("\n") + 1,
            "",
            f"column {len(before) - before.rfind(chr(10))}: not valid YAML: a control character",
        )
    return Fault(1, "", f"not valid YAML: {error}")
