"""Rows of Hugging Face datasets: folders written by `save_to_disk`, and ids on the hub.

Promise: nothing of a dataset is executed (`datasets` has no loading scripts since 4.0), images and sounds are
not decoded, classes have their names, and the answer to whatever goes wrong on the way is one `FactoryError`.
A hub id is `org/name`, `org/name:configuration` and either with `@revision`. Not promised: a bound on what a
hub dataset downloads.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from factory.errors import FactoryError, InputError
from factory.seeds.row import Row
from factory.text.visible import escape_hidden, truncate

_HUB_ID = re.compile(
    r"(?P<path>\w[\w.-]*/\w[\w.-]*)(?::(?P<name>[\w.+-]+))?(?:@(?P<revision>[\w./-]+))?", re.ASCII
)
_SAVED = ("dataset_dict.json", "state.json")


def is_hub_id(text: str) -> bool:
    """Return whether `text` has the form of a hub id."""
    return len(text) <= 200 and _HUB_ID.fullmatch(text) is not None


def is_saved(folder: Path) -> bool:
    """Return whether a folder was written by `save_to_disk`."""
    return any((folder / name).is_file() for name in _SAVED)


def hub_rows(hub_id: str, split: str | None, wanted: frozenset[str], limit: int | None) -> Iterator[Row]:
    """Return the rows of a dataset on the hub, or in the cache; raise InputError for its splits, FactoryError
    if it cannot be had."""
    found = _HUB_ID.fullmatch(hub_id)
    assert found is not None
    datasets = _library()
    try:
        loaded = datasets.load_dataset(**found.groupdict())
    # Network, hub, cache and file formats have exceptions of their own; the remedy is the same.
    except Exception as error:
        raise FactoryError(
            f"the dataset {hub_id} cannot be loaded: {type(error).__name__}: {_first_line(error)}",
            "Is the id right (org/name, or org/name:configuration), and the network reachable? "
            "A local file or folder works without it.",
        ) from None
    return _rows(_chosen(loaded, split, hub_id), wanted, limit, hub_id)


def saved_rows(folder: Path, split: str | None, wanted: frozenset[str], limit: int | None) -> Iterator[Row]:
    """Return the rows of a folder written by `save_to_disk`; raise InputError if it is damaged or lacks the
    split."""
    datasets = _library()
    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # a damaged folder raises whatever the first damaged file does
        raise InputError(
            f"{folder} cannot be read as a dataset: {_first_line(error)}", "Write it again with save_to_disk."
        ) from None
    return _rows(_chosen(loaded, split, str(folder)), wanted, limit, str(folder))


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise FactoryError(
            "this needs the package datasets", "pip install datasets, or write the seeds as JSON Lines."
        ) from None
    return datasets


def _chosen(loaded: Any, split: str | None, where: str) -> Any:
    """Return the one split that is meant: the named one, the only one, or train."""
    if not isinstance(loaded, dict):
        if split is not None:
            raise InputError(f"{where} has no splits, so none can be {split!r}", "Leave out the split.")
        return loaded
    wanted = split or (next(iter(loaded)) if len(loaded) == 1 else "train")
    if wanted not in loaded:
        raise InputError(f"{where} has no split {wanted!r}", f"It has: {', '.join(map(str, loaded))}.")
    return loaded[wanted]


def _rows(dataset: Any, wanted: frozenset[str], limit: int | None, where: str) -> Iterator[Row]:
    from factory.seeds.columnar import BATCH, arrow_rows, blank_rows, require_few

    require_few(where, dataset.num_rows, limit)
    names = list(dataset.column_names)
    read = [name for name in names if name in wanted]
    if not read:
        yield from blank_rows(names, dataset.num_rows)
        return
    classes = {
        name: list(feature.names)
        for name in read
        if type(feature := dataset.features[name]).__name__ == "ClassLabel"
    }
    line = 1
    for table in dataset.select_columns(read).with_format("arrow").iter(batch_size=BATCH):
        for row in arrow_rows(table, names, line):
            yield _with_names(row, classes)
        line += table.num_rows


def _with_names(row: Row, classes: dict[str, list[str]]) -> Row:
    """Return a row with the names of its classes in place of their numbers; a number without a name, as -1,
    is none."""
    if row.value is None or not classes:
        return row
    named = {
        column: names[number]
        if isinstance(number := row.value[column], int) and 0 <= number < len(names)
        else None
        for column, names in classes.items()
    }
    return replace(row, value=row.value | named)


def _first_line(error: Exception) -> str:
    return truncate(escape_hidden((str(error).splitlines() or [""])[0]), 300)
