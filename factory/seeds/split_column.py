"""The split that rows name themselves, in a column `split`.

Promise: as with the names of files, rows of a test or validation split are never read by accident: where rows
name several splits, one has to be asked for, and then the others are left out. A column of another meaning,
such as the number of a fold, and one that a person has mapped, decide nothing.
"""

from collections.abc import Iterable
from dataclasses import replace

from factory.errors import InputError
from factory.seeds.row import Row
from factory.seeds.splits import split_word

COLUMNS = ("split", "Split", "_split", "dataset_split")


class SplitColumn:
    """Gathers the splits that rows name; `asked` is the one that is meant, if any."""

    def __init__(self, asked: str | None, mapped: Iterable[str]):
        self._columns = [name for name in COLUMNS if name not in set(mapped)]
        self._asked = asked
        self._seen: dict[str, None] = {}
        self._read = False

    @property
    def names_splits(self) -> bool:
        """Whether a row has named a split."""
        return bool(self._seen)

    def read(self, row: Row) -> Row | None:
        """Return a row without the column that names its split; None if it is of another than the one that is
        asked for."""
        value = row.value if isinstance(row.value, dict) else {}
        column = next((name for name in self._columns if isinstance(value.get(name), str)), "")
        found = split_word(value[column]) if column else None
        if found is None:
            return row
        self._seen[found] = None
        if self._asked is not None and found != (split_word(self._asked) or self._asked):
            return None
        self._read = True
        return replace(row, value={key: content for key, content in value.items() if key != column})

    def require_one(self, where: str) -> None:
        """Raise InputError that names the splits if there are several and none is asked for, or not that
        one."""
        names = ", ".join(self._seen)
        if self._asked is None and len(self._seen) > 1:
            raise InputError(
                f"{where}: its rows name the splits {names}",
                "Choose one with split, or keep the rows of one.",
            )
        if self._seen and not self._read:
            raise InputError(f"{where} has no row of the split {self._asked!r}", f"Its rows name: {names}.")
