"""Writers of the dataset formats: JSON Lines, Parquet and `datasets` folder, row by row.

Promise: memory does not grow with the number of rows, but for what a Parquet file keeps of its row groups. A
value is the same in each form, with one difference: in a `datasets` folder the arguments of tool calls are
objects, as chat templates expect them, and in JSON Lines and Parquet they are JSON text, as the OpenAI API
has it. JSON Lines escapes control and format characters, so that nothing in it can drive a terminal or turn
text. Not promised: that a call keeps objects if `datasets` would misread a number in it; then its arguments
stay text, and it is counted.
"""

import json
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet

from factory.errors import FactoryError
from factory.export.exact_json import Reader, exact_json
from factory.export.rows import Columns, Row

_CALL = pa.struct(
    {
        "id": pa.string(),
        "type": pa.string(),
        "function": pa.struct({"name": pa.string(), "arguments": pa.string()}),
    }
)
_MESSAGE = pa.struct(
    {
        "role": pa.string(),
        "content": pa.string(),
        "reasoning_content": pa.string(),
        "tool_calls": pa.list_(_CALL),
        "tool_call_id": pa.string(),
        "name": pa.string(),
    }
)
_TYPES = {
    "weight": pa.float64(),
    "parents": pa.list_(pa.string()),
    "verdicts": pa.list_(
        pa.struct({"check": pa.string(), "passed": pa.bool_(), "reason": pa.string(), "score": pa.float64()})
    ),
}
# Control and format characters, separators of lines and paragraphs; the two joiners, which scripts and emoji
# need, stay.
_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class Writer(Protocol):
    """Takes rows of one split."""

    def __enter__(self) -> "Writer": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, row: Row) -> None:
        """Write one row."""


class JsonLines:
    """One JSON object a line, UTF-8."""

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self) -> "JsonLines":
        self._file = self._path.open("w", encoding="utf-8", newline="\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        """Write one row."""
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        self._file.write(
            (text if text.isascii() else _HIDDEN.sub(lambda hidden: json.dumps(hidden[0])[1:-1], text)) + "\n"
        )


class _Batched:
    """Gathers rows to batches of Arrow, which `_write` takes."""

    batch_rows = 1000

    def __init__(self, path: Path, columns: Columns, schema: pa.Schema):
        self._path, self._columns, self._schema = path, columns, schema
        self._rows: list[Row] = []
        self._open = ExitStack()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if kind is None and self._rows:
                self._flush()

    def add(self, row: Row) -> None:
        """Write one row, with the batch that it fills."""
        self._rows.append(row)
        if len(self._rows) >= self.batch_rows:
            self._flush()

    def _flush(self) -> None:
        arrays = [self._array(name, [row[name] for row in self._rows]) for name in self._columns.names]
        self._write(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows.clear()

    def _array(self, name: str, values: list[Any]) -> pa.Array:
        return pa.array(values, self._schema.field(name).type)

    def _write(self, batch: pa.RecordBatch) -> None:
        raise NotImplementedError


class Parquet(_Batched):
    """Parquet, compressed with zstd; messages are lists of structures."""

    batch_rows = 8000  # each batch is a row group, and small ones compress badly

    def __init__(self, path: Path, columns: Columns):
        types = _TYPES | dict.fromkeys(columns.conversations, pa.list_(_MESSAGE))
        super().__init__(
            path, columns, pa.schema({name: types.get(name, pa.string()) for name in columns.names})
        )

    def __enter__(self) -> "Parquet":
        self._file = self._open.enter_context(
            pyarrow.parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        )
        return self

    def add(self, row: Row) -> None:
        """Write one row; FactoryError for a message with a field that the columns have no place for."""
        for name in self._columns.conversations:
            for message in row[name]:
                if lost := set(message) - {field.name for field in _MESSAGE}:
                    raise FactoryError(
                        f"a message of {row['sample_id']} has the field {min(lost)!r}, "
                        "and the Parquet columns have none for it",
                        "Export it as jsonl or hf, which keep every field.",
                    )
        super().add(row)

    def _write(self, batch: pa.RecordBatch) -> None:
        self._file.write_batch(batch)


class ArrowStream(_Batched):
    """The Arrow stream that `datasets` maps into memory; messages are JSON columns, which no other row fills
    with nulls.

    `as_text` counts the calls whose arguments stayed JSON text.
    """

    def __init__(self, path: Path, columns: Columns, schema: pa.Schema, read: Reader):
        super().__init__(path, columns, schema)
        self._read = read
        self.as_text = 0

    def __enter__(self) -> "ArrowStream":
        file = self._open.enter_context(pa.OSFile(str(self._path), "wb"))
        self._file = self._open.enter_context(pa.ipc.new_stream(file, self._schema))
        return self

    def _write(self, batch: pa.RecordBatch) -> None:
        self._file.write_batch(batch)

    def _array(self, name: str, values: list[Any]) -> pa.Array:
        if name not in self._columns.conversations:
            return super()._array(name, values)
        texts = [[self._message(message) for message in messages] for messages in values]
        return pa.array(texts, pa.list_(pa.string())).cast(self._schema.field(name).type)

    def _message(self, message: Row) -> str:
        calls = message.get("tool_calls")
        if calls:
            message = message | {"tool_calls": [self._with_objects(call) for call in calls]}
        return exact_json(message, self._read)

    def _with_objects(self, call: Row) -> Row:
        function = call["function"]
        if not isinstance(function["arguments"], str):
            return call
        try:
            arguments = json.loads(function["arguments"])
            exact_json(arguments, self._read)
        except (ValueError, RecursionError):
            self.as_text += 1
            return call
        return call | {"function": function | {"arguments": arguments}}


class DatasetFolder:
    """A folder for `datasets.load_from_disk`: opened with the splits' names, closed when it is complete.

    Raises FactoryError if `datasets` is not installed.
    """

    def __init__(self, folder: Path, columns: Columns):
        try:
            import datasets
        except ImportError:
            raise FactoryError(
                "the format hf needs the package datasets",
                "pip install 'distill-factory[datasets]', or export jsonl or parquet.",
            ) from None
        self._library, self._folder, self._columns = datasets, folder, columns
        text, verdict = (
            datasets.Value("string"),
            {"check": "string", "passed": "bool", "reason": "string", "score": "float64"},
        )
        types = {
            "parents": datasets.List(text),
            "verdicts": datasets.List({name: datasets.Value(kind) for name, kind in verdict.items()}),
        }
        types |= {"weight": datasets.Value("float64")} | dict.fromkeys(
            columns.conversations, datasets.List(datasets.Json())
        )
        self._schema = datasets.Features({name: types.get(name, text) for name in columns.names}).arrow_schema
        self._streams: dict[str, ArrowStream] = {}

    @property
    def as_text(self) -> int:
        """How many calls kept their arguments as JSON text."""
        return sum(stream.as_text for stream in self._streams.values())

    def writer(self, split: str) -> ArrowStream:
        """Return the writer of one split."""
        self._streams[split] = ArrowStream(
            self._raw(split), self._columns, self._schema, self._library.Json().decode_example
        )
        return self._streams[split]

    def finish(self, splits: Iterable[str]) -> None:
        """Make the folder of what was written for these splits, and remove the rest."""
        bars = self._library.utils
        enabled = bars.is_progress_bar_enabled()
        bars.disable_progress_bars()
        try:
            parts = {
                split: self._library.Dataset.from_file(
                    str(self._raw(split)), split=self._library.NamedSplit(split)
                )
                for split in splits
            }
            self._library.DatasetDict(parts).save_to_disk(str(self._folder))
        finally:
            if enabled:
                bars.enable_progress_bars()
        for split in self._streams:
            self._raw(split).unlink()

    def _raw(self, split: str) -> Path:
        return self._folder / f".{split}.arrow"
