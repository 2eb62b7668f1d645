"""What a person should know of a source that is read: columns that nobody uses, ids that begin again, rows of
which only a part is read.

Promise: each is said once for a source, however many rows it concerns.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from factory.seeds.columns import shown
from factory.seeds.format import SeedFormat
from factory.text.personal import SEVERAL, What

_MOST = 10_000


@dataclass
class Notes:
    """Gathers while rows are read."""

    _unused: dict[str, None] = field(default_factory=dict)
    _fields: frozenset[str] = frozenset()
    _shapes: set[tuple[type[SeedFormat], frozenset[str]]] = field(default_factory=set)
    _said: dict[str, None] = field(default_factory=dict)
    _renamed: int = 0
    _renamed_first: str = ""
    _personal: Counter[What] = field(default_factory=Counter)
    _personal_rows: int = 0
    _refused: bool = False
    _cut: Counter[str] = field(default_factory=Counter)

    def saw(self, row_format: type[SeedFormat], columns: Iterable[str]) -> None:
        """Take the columns of a row that was read as `row_format`."""
        if (shape := (row_format, frozenset(columns))) in self._shapes:
            return
        if len(self._shapes) < _MOST:
            self._shapes.add(shape)
        self._fields = row_format.fields()
        for column in sorted(shape[1]):
            if column in row_format.unread:
                self._said[f"the column {column} is not used: {row_format.unread[column]}"] = None
            elif column not in self._fields and len(self._unused) < _MOST:
                self._unused[column] = None

    def renamed(self, name: str) -> None:
        """Take an id that stood in an earlier file, as it is named now."""
        self._renamed += 1
        self._renamed_first = self._renamed_first or name

    def masked(self, found: dict[What, int], *, refused: bool) -> None:
        """Take the personal data that a row had; `refused`: the row is left out for it."""
        self._personal.update(found)
        self._personal_rows += bool(found)
        self._refused = refused

    def cut(self, left_out: str) -> None:
        """Take a row of which a part is not read."""
        self._cut[left_out] += 1

    def told(self) -> list[str]:
        """Return the notes, a sentence each."""
        told = list(self._said)
        for left_out, count in self._cut.items():
            told.append(f"of {'1 row' if count == 1 else f'{count} rows'} only a part is read: {left_out}")
        if self._personal_rows:
            done = "left out for it" if self._refused else "masked"
            rows = "1 row" if self._personal_rows == 1 else f"{self._personal_rows} rows"
            found = ", ".join(f"{SEVERAL[what]}: {count}" for what, count in self._personal.items())
            told.append(f"personal data in {rows}, {done} ({found})")
        if self._unused:
            names = ", ".join(shown(name) for name in list(self._unused)[:20])
            names += ", …" if len(self._unused) > 20 else ""
            one = next(iter(self._unused))
            told.append(
                f"columns that are not used: {names}; to use one, map "
                f"it: columns: {{FIELD: {shown(one)}}}, with a field of {', '.join(sorted(self._fields))}"
            )
        if self._renamed:
            told.append(
                f"{self._renamed} ids begin again in another file and are told apart by its name: "
                f"{shown(self._renamed_first)}"
            )
        return told
