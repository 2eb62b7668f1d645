"""Resolve a seed source (file, folder, hub dataset) to the files with its rows.

Promise: a path that exists is that path; other text is a hub id if it looks like one. Of a folder the JSON
Lines, CSV and Parquet files are read that stand in it or in its `data` folder, in the order of their names.
Where the names of the files tell of several splits, one has to be asked for: the test split is never read by
accident.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from factory.errors import InputError
from factory.seeds.csv_file import csv_rows
from factory.seeds.dataset import hub_rows, is_hub_id, is_saved, saved_rows
from factory.seeds.row import Part, Row
from factory.seeds.text_file import json_rows, line_rows, read_text

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")
SPLITS = ("train", "validation", "valid", "val", "dev", "eval", "test")
_HINT = (
    "Name a .jsonl, .json, .csv or .parquet file, a folder of them, or a Hugging Face dataset id (org/name)."
)


def read_parts(
    source: str | Path, split: str | None, wanted: frozenset[str], limit: int | None
) -> Iterator[Part]:
    """Yield the parts of a source, opened one after the other; raise InputError if there is nothing to read.

    `wanted` are the columns that somebody will look at, `limit` is how many seeds, if not all. A `Path` is
    never a hub id.
    """
    path = Path(source)
    if path.is_dir():
        if is_saved(path):
            name = _printable(path.resolve().name)
            yield Part(str(path), name, name, True, saved_rows(path, split, wanted, limit))
            return
        for file in _files(path, split):
            yield _part(file, wanted, limit)
    elif (
        isinstance(source, str)
        and not path.exists()
        and path.suffix not in (*SUFFIXES, ".json")
        and is_hub_id(source)
    ):
        yield Part(source, source, source.partition("/")[2], True, hub_rows(source, split, wanted, limit))
    elif split is not None:
        raise InputError(f"{path} is one file and has no splits", "Leave out the split.")
    else:
        yield _part(path, wanted, limit)


def _part(path: Path, wanted: frozenset[str], limit: int | None) -> Part:
    if path.exists() and not path.is_file():
        raise InputError(f"{path} cannot be read: it is neither a file nor a folder", _HINT)
    suffix = path.suffix.lower()
    rows: Iterator[Row]
    if suffix == ".parquet":
        from factory.seeds.columnar import parquet_rows

        rows = parquet_rows(path, wanted, limit)
    elif suffix == ".csv":
        rows = csv_rows(read_text(path), path)
    else:
        # In a file named .jsonl a line is a record, whatever it begins with.
        rows = (line_rows if suffix in SUFFIXES else json_rows)(read_text(path))
    return Part(
        str(path), _printable(path.name), _printable(path.stem)[:150], suffix in (".csv", ".parquet"), rows
    )


def _files(folder: Path, split: str | None) -> list[Path]:
    try:
        entries = [
            entry
            for place in (folder, folder / "data")
            if place.is_dir()
            for entry in sorted(place.iterdir())
        ]
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None
    files = [
        entry
        for entry in entries
        if entry.suffix.lower() in SUFFIXES and entry.is_file() and not entry.name.startswith(".")
    ]
    if not files:
        raise InputError(
            f"{folder} cannot be read: it holds no dataset and no .jsonl, .csv or .parquet file", _HINT
        )
    if split is not None:
        chosen = [file for file in files if _split_of(file, (split,))]
        if not chosen:
            raise InputError(
                f"{folder} has no file of the split {split!r}",
                f"It has: {', '.join(_printable(file.name) for file in files[:20])}.",
            )
        return chosen
    splits = list(dict.fromkeys(name for file in files if (name := _split_of(file, SPLITS))))
    if len(splits) > 1:
        raise InputError(
            f"{folder} holds the splits {', '.join(splits)}", "Choose one with split, or name one file."
        )
    return files


def _split_of(file: Path, splits: tuple[str, ...]) -> str | None:
    """Return the split in a file name: `train.jsonl`, `train-00000-of-00002.parquet`."""
    return next(
        (split for split in splits if file.stem == split or file.stem.startswith((f"{split}-", f"{split}_"))),
        None,
    )


def _printable(name: str) -> str:
    # A file name is bytes, and what is no UTF-8 in it could not be stored.
    return os.fsencode(name).decode("utf-8", "replace")
