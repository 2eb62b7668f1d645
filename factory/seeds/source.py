"""Resolve a seed source (file, folder, hub dataset) to the files with its rows.

Promise: a path that exists is that path; other text is a hub id if it looks like one and not like a file. Of
a folder the JSON Lines, CSV, tab-separated and Parquet files are read that stand in it or in its `data`
folder, else those of its subfolders, in the order of their names; compressed ones too. Where the names of
files or folders tell of several splits, one has to be asked for: the test split is never read by accident.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from factory.errors import InputError
from factory.seeds.compressed import ARCHIVES, uncompressed
from factory.seeds.compressed import SUFFIXES as COMPRESSED
from factory.seeds.csv_file import csv_rows
from factory.seeds.dataset import hub_rows, is_hub_id, is_saved, saved_rows
from factory.seeds.possible_answers import with_possible_answers
from factory.seeds.row import Part, Row
from factory.seeds.splits import choose_split, split_of_name
from factory.seeds.text_file import json_rows, line_rows, read_text

LINES, TABLES = (".jsonl", ".ndjson"), (".csv", ".tsv", ".tab")
# Of a folder: a .json file in it may be anything.
SUFFIXES = (*LINES, *TABLES, ".parquet")
_FILES = (
    *SUFFIXES,
    *COMPRESSED,
    *ARCHIVES,
    ".json",
    ".txt",
    ".xlsx",
    ".xls",
    ".arrow",
    ".feather",
    ".yaml",
    ".yml",
)
_HINT = (
    "Name a .jsonl, .json, .csv, .tsv or .parquet file, a folder of them, or a Hugging Face dataset id "
    "(org/name)."
)
_DEEPEST, _MOST_FILES = 4, 10_000


def is_file_name(text: str) -> bool:
    """Return whether text ends as a file of data does, so that it is never looked for on the hub."""
    return Path(text).suffix.lower() in _FILES


def is_without_splits(source: str | Path) -> bool:
    """Return whether a source is one file in which no name tells of splits, as in a JSON object of them."""
    path = Path(source)
    return path.is_file() and uncompressed(path).suffix.lower() != ".json"


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
            yield _part(file, None, wanted, limit)
    elif isinstance(source, str) and not path.exists() and not is_file_name(source) and is_hub_id(source):
        yield Part(source, source, source.partition("/")[2], True, hub_rows(source, split, wanted, limit))
    else:
        yield _part(path, split, wanted, limit)


def _part(path: Path, split: str | None, wanted: frozenset[str], limit: int | None) -> Part:
    if path.exists() and not path.is_file():
        raise InputError(f"{path} cannot be read: it is neither a file nor a folder", _HINT)
    plain = uncompressed(path)
    suffix = plain.suffix.lower()
    rows: Iterator[Row]
    if suffix == ".parquet":
        from factory.seeds.columnar import parquet_rows

        if plain != path:
            raise InputError(
                f"{path} is compressed twice: Parquet is by itself", "Unpack it, and name that file."
            )
        rows = parquet_rows(path, wanted, limit)
    elif suffix in (".xlsx", ".xls"):
        raise InputError(f"{path} is a workbook of Excel", "Save the sheet as CSV UTF-8.")
    elif suffix in TABLES:
        rows = csv_rows(read_text(path), plain)
    elif suffix in LINES:
        # In a file named .jsonl a line is a record, whatever it begins with.
        rows = with_possible_answers(line_rows(read_text(path)), path)
    else:
        rows = with_possible_answers(json_rows(read_text(path), path, split), path)
    tabular = suffix in TABLES or suffix == ".parquet"
    return Part(str(path), _printable(path.name), _printable(plain.stem)[:150], tabular, rows)


def _files(folder: Path, split: str | None) -> list[Path]:
    try:
        files = _readable(
            file for place in (folder, folder / "data") if place.is_dir() for file in place.iterdir()
        )
        top = {folder, folder / "data"}
        files.sort(key=lambda file: (file.parent != folder, file))
        nested = files or _nested(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None
    if not nested:
        raise InputError(
            f"{folder} cannot be read: it holds no dataset and no .jsonl, .csv, .tsv or .parquet file", _HINT
        )
    named = {file: split_of_name(_stem(file)) or _split_of_folder(file, folder) for file in nested}
    if len(configs := {_config(file, folder) for file in nested if file.parent not in top}) > 1:
        raise InputError(
            f"{folder} holds several sets: {', '.join(sorted(map(_printable, configs))[:20])}",
            "Name the folder of one of them.",
        )
    return choose_split(named, split, str(folder))


def _readable(entries: Iterator[Path]) -> list[Path]:
    return [
        entry
        for entry in entries
        if uncompressed(entry).suffix.lower() in SUFFIXES
        and entry.is_file()
        and not entry.name.startswith(".")
    ]


def _nested(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        depth = len(Path(place).relative_to(folder).parts)
        if depth >= _DEEPEST or len(found) > _MOST_FILES:
            folders.clear()
        found += _readable(Path(place, name) for name in sorted(names))
    return found


def _stem(file: Path) -> str:
    return uncompressed(file).stem


def _split_of_folder(file: Path, folder: Path) -> str | None:
    parts = file.relative_to(folder).parts[:-1]
    return next((split for part in reversed(parts) if (split := split_of_name(part))), None)


def _config(file: Path, folder: Path) -> str:
    """Return the folders of a file that tell of no split: the name of a configuration."""
    parts = file.relative_to(folder).parts[:-1]
    return "/".join(part for part in parts if part != "data" and not split_of_name(part)) or "."


def _printable(name: str) -> str:
    # A file name is bytes, and what is no UTF-8 in it could not be stored.
    return os.fsencode(name).decode("utf-8", "replace")
