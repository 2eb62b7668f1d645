"""Export of a store's accepted samples as a dataset: split by seed, in the chosen format, with its card.

Promise: the target is complete or absent (`target.py`), no seed is on two sides (`split.py`), and
every accepted sample either has its rows or is counted. The store is only read. Not promised: that it stays
open to writers meanwhile.
"""

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from factory.errors import FactoryError, InputError
from factory.export.card import write_card
from factory.export.formats import DatasetFolder, JsonLines, Parquet, Writer
from factory.export.rows import Columns, Shape, Source, Tally, open_source
from factory.export.target import CARD, publish, require_free
from factory.seeds.split import TRAIN, VALIDATION
from factory.system.progress import Progress
from factory.workspace import Workspace

Format = Literal["jsonl", "parquet", "hf"]
_FILES = {".jsonl": "jsonl", ".parquet": "parquet"}
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")
_QUIET_SECONDS = 2.0


@dataclass(frozen=True)
class Order:
    """What was asked for: form, share of seeds for validation (0 to below 1), columns, SPDX licence, and
    whether to replace the target."""

    target: Path
    format: Format
    validation: float = 0.0
    shape: Shape = "messages"
    licence: str = "unknown"
    force: bool = False

    @property
    def single_file(self) -> bool:
        """Whether the target is one file and not a folder."""
        return self.target.suffix in _FILES

    def require_valid(self) -> None:
        """Raise InputError for what cannot be carried out."""
        if not 0 <= self.validation < 1:
            raise InputError(
                f"--validation is a share of the seeds, from 0 to below 1, and not {self.validation:g}"
            )
        if not _LICENCE.fullmatch(self.licence):
            raise InputError("--licence is an SPDX identifier, such as Apache-2.0 or CC-BY-4.0")
        if self.single_file and _FILES[self.target.suffix] != self.format:
            raise InputError(
                f"the suffix of {self.target} does not match the format {self.format}",
                "Name a folder, or change --format.",
            )
        if self.single_file and self.validation:
            raise InputError(
                f"{self.target} is one file, but --validation writes two", "Name a folder with -o."
            )
        if self.format == "hf" and "::" in str(self.target.absolute()):
            raise InputError(
                f"{self.target}: '::' in a path means a chain of file systems to datasets",
                "Choose another path with -o.",
            )


@dataclass
class Exported:
    """What was written: the paths to load, and the counts; `as_text` calls kept their arguments as JSON
    text."""

    paths: list[Path]
    tally: Tally = field(default_factory=Tally)
    as_text: int = 0


def export(workspace: Workspace, order: Order, progress: Progress) -> Exported:
    """Write the dataset; raise InputError for a wrong order, FactoryError if there is nothing to export or
    the disk refuses."""
    order.require_valid()
    require_free(order.target, force=order.force)
    with open_source(workspace.existing().store) as source:
        columns = source.columns(order.shape)
        with publish(order.target, force=order.force) as staging:
            done = _write(source, columns, order, staging, progress)
            if not order.single_file:
                write_card(
                    staging / CARD, source, columns, order.format, order.licence, done.tally, done.as_text
                )
    return done


def _write(source: Source, columns: Columns, order: Order, staging: Path, progress: Progress) -> Exported:
    if not order.single_file:
        staging.mkdir()
    folder = DatasetFolder(staging, columns) if order.format == "hf" else None
    tally = Tally()
    writers: dict[str, Writer] = {}
    started = time.monotonic()
    with ExitStack() as stack:
        for done, (split, rows) in enumerate(source.samples_rows(columns, order.validation, tally), 1):
            if split not in writers:
                writer = (
                    folder.writer(split)
                    if folder
                    else _file_writer(_path(staging, split, order), columns, order.format)
                )
                writers[split] = stack.enter_context(writer)
            for row in rows:
                writers[split].add(row)
            if time.monotonic() - started > _QUIET_SECONDS:
                progress.update(
                    f"  export  {done:,}/{source.going_out:,} samples", now=done == source.going_out
                )
    _require_train(tally)
    splits = [split for split in (TRAIN, VALIDATION) if split in writers]
    if folder:
        folder.finish(splits)
        return Exported([order.target], tally, folder.as_text)
    return Exported([_path(order.target, split, order) for split in splits], tally)


def _require_train(tally: Tally) -> None:
    if not tally.rows:
        raise FactoryError(
            "no accepted sample holds a conversation to learn from: there is nothing to export"
        )
    if not tally.split(TRAIN):
        raise FactoryError(
            f"all {tally.split(VALIDATION)} rows are in the validation split, and train would be empty",
            "Lower --validation.",
        )


def _path(base: Path, split: str, order: Order) -> Path:
    return base if order.single_file else base / f"{split}.{order.format}"


def _file_writer(path: Path, columns: Columns, format: Format) -> Writer:
    return JsonLines(path) if format == "jsonl" else Parquet(path, columns)
