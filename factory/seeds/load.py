"""Loading of seeds from one source, in the one format of its rows.

Promise: a bad row is a fault with its line and the others are read; the format is the first that serves the
kind, and a row of another format is a fault. Ids and tasks are unique: an id that begins again in another
file gets its name before it. Nothing of a seed is executed. Files are bounded (64 MB of text, 4 MB a record,
1,000,000 rows), and so are the faults: a source with more than `MAX_FAULTS` is refused. Personal data is
masked, or its row refused, before a row is looked at, where that is asked for (`factory.seeds.masking`).
"""

import itertools
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from factory.errors import InputError
from factory.seeds.columns import Columns, shown
from factory.seeds.format import Content, SeedFormat
from factory.seeds.formats import SeedFormats, is_mixed
from factory.seeds.languages import Languages
from factory.seeds.masking import Masker, Treatment, masked
from factory.seeds.notes import Notes
from factory.seeds.row import Part, Row
from factory.seeds.seed import Seed
from factory.seeds.source import is_without_splits, read_parts
from factory.seeds.split_column import SplitColumn
from factory.text.gathered import MOST, RowFault, gathered
from factory.text.visible import escape_hidden, truncate

MAX_FAULTS = 100_000


@dataclass(frozen=True)
class SeedFault:
    """Reason why a row is not a seed. `source` is the file as a person can open it, `line` counts from 1."""

    source: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.reason}"


@dataclass(frozen=True)
class SeedFile:
    """What a source holds: its seeds in order, its faults in order, the name of its format (None if no row
    has one that serves), and what a person should know, a sentence each."""

    seeds: list[Seed]
    faults: list[SeedFault]
    format_name: str | None
    notes: tuple[str, ...] = ()

    def gathered(self, most: int = MOST) -> list[str]:
        """Return the faults, each once with the number of its rows."""
        return gathered((RowFault(fault.source, fault.line, fault.reason) for fault in self.faults), most)

    def told(self) -> str:
        """Return the faults as a text, one a line."""
        return "\n".join(self.gathered())


def require_seeds(
    source: str | Path,
    formats: SeedFormats,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    limit: int | None = None,
    personal: Treatment = "keep",
) -> list[Seed]:
    """Return the seeds of a source without a fault; InputError lists the bad rows (the first 50), or
    reports that there are no seeds."""
    return require_file(source, formats, columns=columns, split=split, limit=limit, personal=personal).seeds


def require_file(
    source: str | Path,
    formats: SeedFormats,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    limit: int | None = None,
    personal: Treatment = "keep",
    language: str | None = None,
) -> SeedFile:
    """Return what a source holds, as `require_seeds` does, with the notes."""
    file = load_seeds(
        source, formats, columns=columns, split=split, limit=limit, personal=personal, language=language
    )
    if file.faults:
        raise InputError(file.told())
    if not file.seeds:
        own = formats.own.model_fields
        fields = ", ".join(f'"{field.alias or name}"' for name, field in own.items())
        raise InputError(f"{source} has no tasks", f"One JSON object a line: {{{fields}}}.")
    return file


def load_seeds(
    source: str | Path,
    formats: SeedFormats,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    limit: int | None = None,
    personal: Treatment = "keep",
    language: str | None = None,
) -> SeedFile:
    """Return the seeds and the faults of a file, a folder or a hub dataset.

    `formats` are those of the kind that the seeds are for, `columns` maps our fields to the file's columns,
    `split` is the part of a folder or dataset that is meant, `limit` (at least 1) ends the reading after so
    many seeds, `personal` says what becomes of personal data, `language` which one rows have that name none.
    Raises InputError if the source cannot be read,
    if its format cannot serve the kind, or if a mapping fits nothing; FactoryError if a hub dataset cannot be
    had.
    """
    reading = _Reading(Columns(columns, formats), formats, personal, Languages(language))
    named = SplitColumn(split, reading.columns.mapping.values())
    for part in read_parts(source, split, reading.columns.wanted, limit):
        for row in part.rows:
            kept = named.read(row)
            for outcome in reading.outcomes(part, kept) if kept else ():
                reading.keep(outcome)
                if limit is not None and len(reading.seeds) >= limit:
                    named.require_one(str(source))
                    return reading.file()
    named.require_one(str(source))
    if split is not None and not named.names_splits and is_without_splits(source):
        raise InputError(f"{source} is one file and has no splits", "Leave out the split.")
    reading.columns.require_seen(str(source))
    if not reading.seeds and reading.unservable:
        raise InputError(
            reading.unservable,
            f"Formats that can: {formats.names}. Or map its columns to the fields of one of them.",
        )
    return reading.file()


@dataclass
class _Reading:
    columns: Columns
    formats: SeedFormats
    personal: Treatment
    languages: Languages
    seeds: list[Seed] = field(default_factory=list)
    faults: list[SeedFault] = field(default_factory=list)
    format: type[SeedFormat] | None = None
    unservable: str = ""
    notes: Notes = field(default_factory=Notes)
    _names: dict[str, tuple[str, int]] = field(default_factory=dict)
    _tasks: dict[str, tuple[str, int]] = field(default_factory=dict)

    def file(self) -> SeedFile:
        name = self.format.format_name if self.format else None
        seeds = self._settled()
        return SeedFile(seeds, self.faults, name, (*self.notes.told(), *self.languages.told()))

    def _settled(self) -> list[Seed]:
        """Return the seeds in the language that each has; one that is now another's equal is a fault."""
        settled = []
        for before, seed in zip(self.seeds, self.languages.settled(self.seeds), strict=True):
            where, line = self._names[seed.name]
            if seed is not before and self._tasks.setdefault(seed.seed_id, (where, line)) != (where, line):
                _, first = self._tasks[seed.seed_id]
                self.faults.append(SeedFault(where, line, f"the same task is already in line {first}"))
                continue
            settled.append(seed)
        return settled

    def keep(self, outcome: Seed | SeedFault) -> None:
        if isinstance(outcome, Seed):
            self.seeds.append(outcome)
            return
        self.faults.append(outcome)
        if len(self.faults) > MAX_FAULTS:
            raise InputError(
                f"{outcome.source} has more than {MAX_FAULTS:,} bad rows; the first is\n{self.faults[0]}"
            )

    def outcomes(self, part: Part, row: Row) -> Iterator[Seed | SeedFault]:
        """Yield what comes of a row: a seed or a fault, or several of a row with several tasks."""
        masker = Masker()
        try:
            if row.fault:
                raise ValueError(row.fault)
            if self.personal != "keep":
                row = replace(row, value=masker.row(row.value))
            parsed = self._row(part, row)
            contents = parsed.contents()
            if left_out := parsed.left_out:
                self.notes.cut(left_out)
            if self.personal != "keep":
                contents = [masked(content, masker) for content in contents]
                self._note_personal(masker)
        except ValidationError as error:
            yield SeedFault(part.where, row.line, self._message(error))
            return
        except ValueError as error:
            yield SeedFault(part.where, row.line, truncate(escape_hidden(str(error)), 500))
            return
        name = parsed.id or f"{part.stem}-{row.line}"
        for number, content in enumerate(contents, 1):
            try:
                yield self._seed(parsed, content, part, row.line, name if number == 1 else f"{name}/{number}")
            except ValueError as error:
                yield SeedFault(part.where, row.line, str(error))

    def _note_personal(self, masker: Masker) -> None:
        self.notes.masked(masker.found, refused=self.personal == "refuse")
        if self.personal == "refuse" and masker.found:
            raise ValueError(f"holds {masker.told()}, and data.personal is refuse")

    def _row(self, part: Part, row: Row) -> SeedFormat:
        """Return the row as one of the file's format; raise ValueError or ValidationError."""
        value = row.value
        if (
            isinstance(value, list)
            and value
            and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in value)
        ):
            value = {"messages": value}
        if not isinstance(value, dict):
            raise ValueError("line: should be a JSON object")
        value, written = self.columns.named(value), value
        if "conversations" in value and "messages" not in value:
            value = {
                ("messages" if key == "conversations" else key): content for key, content in value.items()
            }
        row_format = self._format_of(value.keys())
        self.columns.require_whole(written, row_format)
        if self.columns.mapping:
            value = {key: content for key, content in value.items() if key in row_format.fields()}
        if part.tabular or row_format is not self.formats.own:
            value = {
                key: content
                for key, content in value.items()
                if content is not None or key not in row_format.fields()
            }
        parsed = row_format.model_validate(value)
        self.notes.saw(row_format, written.keys() - set(self.columns.mapping.values()) - {"conversations"})
        return parsed

    def _format_of(self, keys: Set[str]) -> type[SeedFormat]:
        found = self.formats.recognise(keys, self.columns.mapped)
        if self.format is not None:
            if found is not None and is_mixed(self.format, found, keys):
                raise ValueError(
                    f"is in the format {found.format_name}, and the lines before it in the format "
                    f"{self.format.format_name}: "
                    "one file has one format"
                )
            return self.format
        if found is None:
            if keys & self.formats.own.needs:
                return self.formats.own
            has = ", ".join(shown(key) for key in sorted(keys)[:20]) or "none"
            raise ValueError(
                f"matches no known format; its fields are: {has}. "
                f"Formats for {self.formats.kind}: {self.formats.names}; or map columns"
            )
        if found not in self.formats.serving:
            fault = f"the format {found.format_name} cannot serve the kind {self.formats.kind}"
            self.unservable = self.unservable or fault
            raise ValueError(f"{fault} (formats that can: {self.formats.names})")
        self.format = found
        return found

    def _seed(self, parsed: SeedFormat, content: Content, part: Part, line: int, name: str) -> Seed:
        if fault := content.fault(parsed.names):
            raise ValueError(fault)
        seed = Seed(
            name, self.languages.of(parsed, content, part), parsed.group, content.question,
            content.reference, part.name, line,
            input=content.input, rationale=content.rationale, expression=content.expression,
            tools=content.tools,
            conversation=content.conversation,
        )  # fmt: skip
        if name in self._names:
            if self._names[name][0] == part.where:
                raise ValueError(
                    f"the id {escape_hidden(name)!r} is already used in {_place(*self._names[name], part)}"
                )
            if seed.seed_id not in self._tasks:
                seed = replace(seed, name=self._other_name(part, name))
                self.notes.renamed(seed.name)
        if (seed_id := seed.seed_id) in self._tasks:
            raise ValueError(f"the same task is already in {_place(*self._tasks[seed_id], part)}")
        self._names[seed.name] = self._tasks[seed_id] = (part.where, line)
        return seed

    def _other_name(self, part: Part, name: str) -> str:
        """Return an id that is free, for a row of a file whose ids begin again."""
        again = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        names = (f"{part.stem}{more}/{name}" for more in again)
        return next(name for name in names if name not in self._names)

    def _message(self, error: ValidationError) -> str:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(shown(str(step)) for step in first["loc"]) or "line"
        column = self.columns.mapping.get(str(first["loc"][0])) if first["loc"] else None
        if first["type"] == "extra_forbidden" and self.format is not None:
            fields = ", ".join(sorted(self.format.fields()))
            named = self.format.format_name
            return f"{place}: is no field of the format {named} ({fields}); to use it, map it with columns"
        mapped = f" (column {shown(column)!r})" if column is not None else ""
        return f"{place}{mapped}: {truncate(escape_hidden(first['msg'].removeprefix('Value error, ')), 300)}"


def _place(where: str, line: int, here: Part) -> str:
    return f"line {line}" if where == here.where else f"line {line} of {where}"
