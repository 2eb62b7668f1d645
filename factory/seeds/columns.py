"""The mapping from our fields to a file's columns.

Promise: a mapping to a field that no format has, or to a column that no row has, is an error that names the
nearest. With a mapping the columns that nobody mapped and no format reads are left out, so that a wide table
can be read in our own formats.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from factory.errors import InputError
from factory.seeds.format import SeedFormat
from factory.seeds.formats import SeedFormats
from factory.seeds.published_formats import WITHOUT_SYSTEM
from factory.seeds.split_column import COLUMNS as SPLITS
from factory.seeds.turns import is_neutral
from factory.text.visible import escape_hidden, truncate

_MOST_SEEN = 10_000
# Columns under which an answer was given or a question is asked: without them it is another one.
CONTEXT = frozenset(
    {"choices", "context", "functions", "history", "options", "passage", "system", "system_prompt", "tools"}
)
# Of these, what belongs to the question.
_QUESTION = CONTEXT - {"functions", "system", "system_prompt", "tools"}


class Columns:
    """A mapping, and the columns that were met."""

    def __init__(self, mapping: Mapping[str, str] | None, formats: SeedFormats):
        """Raise InputError if a mapped field is not one of ours, or no format of the kind has all of them."""
        self.mapping = dict(mapping or {})
        self._seen: set[str] = set()
        fields = formats.fields
        self._read = fields | {"conversations"}  # another name of `messages`
        for field in self.mapping:
            if field not in fields:
                raise InputError(
                    f"columns.{shown(field)}: no format has this field{_nearest(field, fields)}",
                    f"Fields: {', '.join(sorted(fields))}.",
                )
        if self.mapping:
            formats.require_mappable(self.mapping)

    @property
    def mapped(self) -> frozenset[str]:
        """The fields that are mapped."""
        return frozenset(self.mapping)

    @property
    def wanted(self) -> frozenset[str]:
        """The columns that are read, if a file has them."""
        return self._read.union(self.mapping.values(), CONTEXT, SPLITS)

    def named(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row under our names."""
        if not self.mapping:
            return row
        if len(self._seen) < _MOST_SEEN:
            self._seen.update(row)
        used = set(self.mapping.values())
        rest = {
            field: value
            for field, value in row.items()
            if field in self._read and field not in used and field not in self.mapping
        }
        return rest | {field: row[column] for field, column in self.mapping.items() if column in row}

    def require_whole(self, row: dict[str, Any], row_format: type[SeedFormat]) -> None:
        """Raise ValueError if a row has something that its question or answer depends on, and its format does
        not read it. Who maps the columns decides about what an answer was given under, not about the
        question's own parts."""
        used = row_format.fields() | row_format.unread.keys() | set(self.mapping.values())
        for name in sorted(CONTEXT & row.keys() - used):
            blank = row[name] in (None, "", [], {}, "[]", "{}") or (
                name.startswith("system") and is_neutral(str(row[name]))
            )
            if blank or (self.mapping and name not in _QUESTION):
                continue
            if name in _QUESTION:
                raise ValueError(
                    f"{name}: the question cannot be asked without it, and this format has no place for it; "
                    "write it into the question"
                )
            raise ValueError(f"{name}: {WITHOUT_SYSTEM}")

    def require_seen(self, where: str) -> None:
        """Raise InputError if a mapped column was in no row; no error if there were no rows."""
        for field, column in self.mapping.items():
            if self._seen and column not in self._seen:
                has = ", ".join(shown(name) for name in sorted(self._seen)[:20])
                raise InputError(
                    f"{where}: columns.{field}: no row has the column {column!r}"
                    f"{_nearest(column, self._seen)}",
                    f"There are: {has}.",
                )


def shown(name: str) -> str:
    """Return a column's name, which may be anything, fit for a message."""
    return truncate(escape_hidden(name), 60)


def _nearest(word: str, names: frozenset[str] | set[str]) -> str:
    close = get_close_matches(word[:64], sorted(name[:64] for name in names), n=1)
    return f"; did you mean {escape_hidden(close[0])!r}?" if close else ""
