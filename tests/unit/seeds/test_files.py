"""The same rows come out of every type of file, and a bad one is told with its line."""

import csv
import io
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.errors import InputError
from factory.seeds import columnar, load
from tests.support.seeds import load_seeds

ROWS = [
    {"instruction": "Sort.", "input": "b, a", "output": "a, b"},
    {"instruction": 'Say "hi"\nin two lines.', "input": "", "output": "hi\r\nhi"},
    {"instruction": "写一句话。", "input": "", "output": ""},
]


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def write(path: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        write_csv(path, rows)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def contents(source: Path, **options: Any) -> list[tuple[str, str, str]]:
    file = load_seeds(source, "instruction", **options)
    assert file.faults == []
    return [(seed.question, seed.input, seed.reference) for seed in file.seeds]


def faults(
    path: Path, content: str | bytes, kind: Any = "tool_call"
) -> tuple[list[int], list[tuple[int, str]]]:
    """Return the lines of the seeds and those of the faults with their reasons."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = load_seeds(path, kind)
    return [seed.line for seed in file.seeds], [(fault.line, fault.reason) for fault in file.faults]


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.json", "a.csv", "a.parquet", "b.JSONL", "种子 ü.csv", "no suffix"]
)
def test_every_type_of_file_holds_the_same(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    assert contents(path) == [tuple(row.values()) for row in ROWS]
    assert {seed.source for seed in load_seeds(path, "instruction").seeds} == {name}


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_byte_order_mark_and_dos_lines(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, [{"id": "x", "instruction": "One."}, {"id": "y", "instruction": "Two."}])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert [seed.name for seed in load_seeds(path, "instruction").seeds] == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", " \n\n"), ("a.json", "[]"), ("a.json", ""), ("a.csv", ""), ("a.csv", "id,question\n\n")],
)
def test_a_file_without_rows(tmp_path: Path, name: str, content: str) -> None:
    assert faults(tmp_path / name, content) == ([], [])


def test_lines_of_an_array(tmp_path: Path) -> None:
    content = """
[ {"question": "a, ] } \\" [", "reference": "1"},

  {"question": "b",
   "reference": "2"}, {"question": "c", "reference": NaN},
  {"question": "d" "reference": "3"},
  , 7,
  {"question": "e", "reference": "5"}
]
"""
    seeds, told = faults(tmp_path / "a.json", content)
    assert seeds == [2, 4, 8]
    assert [line for line, _ in told] == [5, 6, 7, 7]
    assert [reason.split(":")[0] for _, reason in told] == ["not a JSON object"] * 3 + ["line"]


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        ('\n{"question": "b", "refer', 3),
        ('\n\n{"question": "b", "reference": "2"}', 4),
        ("\n" + "[" * 100_000, 3),
        ('\n"' + "\\" * 99_999, 3),
        ("\n7]\n\n{}", 5),
    ],
)
def test_an_array_that_does_not_end(tmp_path: Path, tail: str, line: int) -> None:
    seeds, told = faults(tmp_path / "a.json", '[\n{"question": "a", "reference": "1"},' + tail)
    assert seeds == [2]
    assert told[-1][0] == line
    assert told[-1][1].startswith("not a JSON object: ")


def test_a_long_element_spoils_no_other(tmp_path: Path) -> None:
    rows = [
        {"question": "a", "reference": "1"},
        {"question": "x" * 5_000_000, "reference": "1"},
        {"question": "b", "reference": "1"},
    ]
    for name in ("a.json", "a.jsonl"):
        path = write(tmp_path / name, rows)
        file = load_seeds(path, "tool_call")
        assert [seed.question for seed in file.seeds] == ["a", "b"]
        assert [fault.reason for fault in file.faults] == ["longer than 4 MB"]


def test_lines_of_a_csv_file(tmp_path: Path) -> None:
    content = b"\r\n".join(
        [
            b"id,question,reference",  # 1
            b'a,"one\r\ntwo ""three""\r\n",1 + 1',  # 2 to 4
            b"",
            b"b,too,many,cells",  # 6
            b"c,few",  # 7
            b"d,caf\xe9,1",  # 8
            b'e,"ok"x,1',  # 9
            b"f,," + b"1",  # 10
            b"g,q" + b"x" * 200_000 + b",1",  # 11
            b"h,fine,2",  # 12
            b'i,"never closed,3',  # 13
            b"j,lost,4",
        ]
    )
    path = tmp_path / "a.csv"
    seeds, told = faults(path, content)
    assert seeds == [2, 12]
    assert load_seeds(path, "tool_call").seeds[0].question == 'one\r\ntwo "three"\r\n'
    assert [line for line, _ in told] == [6, 7, 8, 9, 10, 11, 13]
    assert told[4][1].startswith("question: Field required")
    assert all(reason.startswith("not a CSV record: ") for line, reason in told if line != 10)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"id,question,question\n", "twice"),
        (b"id,\xff\n", "header line cannot be read"),
        (b'"id,question\n', "header line cannot be read"),
    ],
)
def test_a_csv_header_that_cannot_be_read(tmp_path: Path, header: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        faults(tmp_path / "a.csv", header)


def test_lists_in_cells_that_hold_only_text(tmp_path: Path) -> None:
    turns = json.dumps([{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}])
    for name in ("a.csv", "a.parquet"):
        file = load_seeds(write(tmp_path / name, [{"": "0", "messages": turns}]), "instruction")
        assert [(seed.question, seed.reference) for seed in file.seeds] == [("Hi.", "Hello.")]


def test_parquet_with_lists_nulls_and_columns_that_nobody_reads(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]
    rows = [
        {"messages": turns, "made": date(2024, 1, 1), "id": 5},
        {"messages": None, "made": None, "id": None},
    ]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    file = load_seeds(path, "instruction")
    assert [(seed.name, seed.question) for seed in file.seeds] == [("5", "Hi.")]
    assert [(fault.line, fault.reason) for fault in file.faults] == [(2, "messages: Field required")]


def test_parquet_text_that_is_none(tmp_path: Path) -> None:
    texts = pa.array([b"one", b"\xff\xfe", b"three"], pa.binary()).view(pa.string())
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"question": texts, "reference": ["1", "2", "3"]}), path)
    file = load_seeds(path, "tool_call")
    assert [seed.question for seed in file.seeds] == ["one", "three"]
    assert [(fault.line, fault.reason.split(":")[0]) for fault in file.faults] == [
        (2, "a value cannot be decoded")
    ]


def test_the_rows_of_parquet_are_counted_over_its_batches(tmp_path: Path) -> None:
    rows = [
        {"question": f"{number}?", "reference": "1" if number != 700 else "[1]"} for number in range(1, 801)
    ]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=300)
    file = load_seeds(path, "tool_call")
    assert [seed.line for seed in file.seeds] == [number for number in range(1, 801) if number != 700]
    assert [fault.line for fault in file.faults] == [700]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1"])
def test_parquet_that_is_damaged(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        faults(tmp_path / "a.parquet", content)


def test_parquet_cut_in_the_middle(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(
        pa.table({"question": [f"{number}?" for number in range(5000)], "reference": ["1"] * 5000}), buffer
    )
    data = bytearray(buffer.getvalue())
    data[100:9000] = b"\xff" * 8900
    with pytest.raises(InputError, match="cannot be read"):
        faults(tmp_path / "a.parquet", bytes(data))


def test_more_rows_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet")
    monkeypatch.setattr(columnar, "MAX_ROWS", 2)
    with pytest.raises(InputError, match="has 3 rows, more than 2"):
        load_seeds(path, "instruction")
    assert len(load_seeds(path, "instruction", limit=3).seeds) == 3


def test_more_faults_than_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_FAULTS", 2)
    assert len(faults(tmp_path / "a.jsonl", "x\nx\n")[1]) == 2
    with pytest.raises(InputError, match=r"(?s)more than 2 bad rows.*a\.jsonl:1: "):
        faults(tmp_path / "a.jsonl", "x\nx\nx\n")


def test_a_limit_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "a"}\n{\n{"question": "b"}\n{\n')
    file = load_seeds(path, "rationale", limit=2)
    assert ([seed.line for seed in file.seeds], [fault.line for fault in file.faults]) == ([1, 3], [2])


def test_a_folder_of_files(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", ROWS[:1])
    write(tmp_path / "a.jsonl", ROWS[1:2])
    write(tmp_path / "data" / "c.parquet", [*ROWS[2:], ROWS[0]])
    (tmp_path / "README.md").write_text("Not seeds.")
    file = load_seeds(tmp_path, "instruction")
    assert [(seed.source, seed.line) for seed in file.seeds] == [
        ("a.jsonl", 1),
        ("b.csv", 2),
        ("c.parquet", 1),
    ]
    assert [str(fault) for fault in file.faults] == [
        f"{tmp_path / 'data' / 'c.parquet'}:2: the same task is already in line 2 of {tmp_path / 'b.csv'}"
    ]


def test_the_splits_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00002.parquet", ROWS[:1])
    write(tmp_path / "train-00001-of-00002.parquet", ROWS[1:2])
    write(tmp_path / "test.jsonl", ROWS[2:])
    assert len(contents(tmp_path, split="train")) == 2
    assert len(contents(tmp_path, split="test")) == 1
    with pytest.raises(InputError, match="holds the splits test, train"):
        load_seeds(tmp_path, "instruction")
    with pytest.raises(InputError, match="no file of the split 'dev'"):
        load_seeds(tmp_path, "instruction", split="dev")
    with pytest.raises(InputError, match="has no splits"):
        load_seeds(tmp_path / "test.jsonl", "instruction", split="test")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        load_seeds(tmp_path / "a.jsonl", "rationale")


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.jsonl"
    try:
        path.write_text('{"question": "a"}')
    except OSError:
        pytest.skip("this file system wants UTF-8")
    (seed,) = load_seeds(path, "rationale").seeds
    assert (seed.name, seed.source) == ("caf\ufffd-1", "caf\ufffd.jsonl")
