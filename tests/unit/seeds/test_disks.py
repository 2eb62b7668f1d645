"""Seeds as they lie on disks: compressed, in other encodings, with other separators, wrapped, in shards and
in splits."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from factory.errors import InputError
from tests.support.seeds import load_seeds

ROWS = [
    {"id": f"q{n}", "question": f"Was kostet Nummer {n}, 9 €?", "reference": f"{n} + 9"} for n in range(1, 6)
]
TEXT = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = "id,question,reference\n" + "".join(
    f'{row["id"]},"{row["question"]}",{row["reference"]}\n' for row in ROWS
)


def names(source: Path | str, kind: str = "tool_call", **how: Any) -> list[str]:
    file = load_seeds(source, kind, **how)
    assert file.faults == []
    known = {row["id"]: row["question"] for row in ROWS}
    assert all(seed.question == known[seed.name] for seed in file.seeds)
    return [seed.name for seed in file.seeds]


def put(path: Path, *numbers: int, **more: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"question": f"{path.name} {number}?", "reference": str(number), **more} for number in numbers]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _stream(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _stream,
}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize(("name", "text"), [("a.jsonl", TEXT), ("a.csv", CSV), ("a.json", json.dumps(ROWS))])
def test_compressed_files(tmp_path: Path, suffix: str, name: str, text: str) -> None:
    path = tmp_path / (name + suffix)
    path.write_bytes(PACKERS[suffix](text.encode()))
    assert names(path) == ["q1", "q2", "q3", "q4", "q5"]
    if name != "a.json":
        assert len(names(tmp_path)) == 5
    (tmp_path / name).write_bytes(path.read_bytes())  # its name does not say so
    assert len(names(tmp_path / name)) == 5


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_damaged_compressed_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(PACKERS[suffix](TEXT.encode() * 50)[:-9])
    with pytest.raises(InputError, match="cannot be (unpacked|read)"):
        load_seeds(path, "tool_call")


def test_what_unpacks_into_too_much_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(bytes(70 << 20)))
    with pytest.raises(InputError, match="larger than 64 MB"):
        load_seeds(path, "tool_call")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zip", b"PK\x03\x04...", "is an archive of files"),
        ("a.tar.gz", gzip.compress(b"x" * 600, mtime=0), "is an archive of files"),
        ("a.xlsx", b"PK\x03\x04...", "is a workbook of Excel"),
    ],
)
def test_what_is_unpacked_by_hand(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_seeds(tmp_path / name, "tool_call")


@pytest.mark.parametrize(
    "name", ["seeds/a.jsonl.gz", "seeds/a.tsv", "seeds/a.json.zst", "seeds/a.zip", "seeds/a.TXT"]
)
def test_a_path_that_is_not_there_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_seeds(name, "tool_call")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    ("name", "text"), [("a.jsonl", TEXT), ("a.csv", CSV), ("a.json", json.dumps(ROWS, ensure_ascii=False))]
)
def test_encodings(tmp_path: Path, encoding: str, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert names(path) == ["q1", "q2", "q3", "q4", "q5"]


def test_utf_16_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(TEXT.encode("utf-16")[:-1])
    with pytest.raises(InputError, match="begins as UTF-16 and is damaged"):
        load_seeds(path, "tool_call")


@pytest.mark.parametrize("sign", [";", "\t", "|", ","])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.tab"])
def test_separators(tmp_path: Path, sign: str, name: str) -> None:
    rows = "\r\n".join(sign.join([row["id"], f'"{row["question"]}"', row["reference"]]) for row in ROWS)
    path = tmp_path / name
    path.write_text(f"id{sign}question{sign}reference\r\n{rows}\r\n", encoding="utf-8", newline="")
    assert names(path) == ["q1", "q2", "q3", "q4", "q5"]
    path.write_text(f"sep={sign}\r\nid{sign}question{sign}reference\r\n{rows}", encoding="utf-8", newline="")
    assert [seed.line for seed in load_seeds(path, "tool_call").seeds] == [3, 4, 5, 6, 7]


def test_a_comma_separates_where_semicolons_stand_in_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,reference\n"one; two; three",1\n"a; b; c",2\n')
    assert [seed.question for seed in load_seeds(path, "tool_call").seeds] == ["one; two; three", "a; b; c"]


@pytest.mark.parametrize(
    "wrapped",
    [{"data": ROWS}, {"version": 1.1, "rows": ROWS}, {"train": ROWS}, {"meta": {"n": 5}, "examples": ROWS}],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_in_an_object(tmp_path: Path, wrapped: Any, indent: int | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(wrapped, indent=indent), encoding="utf-8")
    assert len(names(path)) == 5
    lines = [seed.line for seed in load_seeds(path, "tool_call").seeds]
    text = path.read_text().splitlines()
    assert all('"id"' in "".join(text[line - 1 : line + 1]) for line in lines)


def test_the_splits_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"train": ROWS[:3], "test": ROWS[3:]}))
    with pytest.raises(InputError, match="holds the splits train, test"):
        load_seeds(path, "tool_call")
    assert names(path, split="test") == ["q4", "q5"]
    with pytest.raises(InputError, match="no file of the split 'dev'"):
        load_seeds(path, "tool_call", split="dev")


def test_an_object_with_two_lists_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": ROWS, "examples": ROWS[:1]}))
    with pytest.raises(InputError, match="holds several lists: data, examples"):
        load_seeds(path, "tool_call")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("gsm8k_train.jsonl", "gsm8k_test.jsonl"),
        ("math-train.csv", "math-test.csv"),
        ("my.train.jsonl", "my.test.jsonl"),
        ("train/part-0.jsonl", "test/part-0.jsonl"),
        ("data/train-00000-of-00001.jsonl", "data/test-00000-of-00001.jsonl"),
        ("training_set.jsonl", "dev set.jsonl"),
        ("x_train.jsonl.gz", "x_valid.jsonl.gz"),
        ("v1/train.jsonl", "v1/validation.jsonl"),
        ("trainset.jsonl", "testset.jsonl"),
        ("mathTrain.csv", "mathTest.csv"),
        ("gsm8k-train.jsonl", "held_out.jsonl"),
        ("train.jsonl", "hold-out 2.jsonl"),
        ("训练集.jsonl", "测试集.jsonl"),
        ("traindata/rows.jsonl", "evalData/rows.jsonl"),
    ],
)
def test_a_split_is_never_read_by_accident(tmp_path: Path, train: str, test: str) -> None:
    for name in (train, test):
        path = put(tmp_path / name, 1, 2)
        if ".csv" in name:
            path.write_text(f"question,reference\n{name} 1?,1\n{name} 2?,2\n")
    with pytest.raises(InputError, match="holds the splits"):
        load_seeds(tmp_path, "tool_call")
    assert {seed.source for seed in load_seeds(tmp_path, "tool_call", split="train").seeds} == {
        Path(train).name
    }
    (tmp_path / train).rename((tmp_path / train).with_name("rows" + "".join(Path(train).suffixes[-1:])))
    if Path(train).parent == Path(test).parent and not train.endswith(".gz"):
        with pytest.raises(InputError, match="beside files whose names tell of none"):
            load_seeds(tmp_path, "tool_call")


@pytest.mark.parametrize(
    "name",
    ["latest.jsonl", "contest.jsonl", "train.jsonl", "devices.jsonl", "Household outing.jsonl"],
)
def test_a_word_that_only_holds_the_name_of_a_split(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, 1)
    put(tmp_path / "others.jsonl", 2)
    assert len(load_seeds(tmp_path, "tool_call").seeds) == 2


@pytest.mark.parametrize("column", ["split", "_split"])
def test_the_splits_that_rows_name(tmp_path: Path, column: str) -> None:
    path = tmp_path / "rows.jsonl"
    said = ["train", "Train", "test", "held-out", "train"]
    rows = [{"question": f"{n}?", "reference": str(n), column: one} for n, one in enumerate(said)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match="its rows name the splits train, test, heldout|train, test"):
        load_seeds(path, "tool_call")
    with pytest.raises(InputError, match="its rows name the splits"):
        load_seeds(path, "tool_call", limit=4)
    file = load_seeds(path, "tool_call", split="train")
    assert ([seed.line for seed in file.seeds], file.faults, file.notes) == ([1, 2, 5], [], ())
    assert [seed.line for seed in load_seeds(path, "tool_call", split="testing").seeds] == [3, 4]
    with pytest.raises(InputError, match="has no row of the split 'dev'"):
        load_seeds(path, "tool_call", split="dev")
    path.write_text("\n".join(json.dumps(row) for row in rows if row[column].lower() == "train"))
    assert len(load_seeds(path, "tool_call").seeds) == 3, "all are of one split"


def test_a_column_that_tells_of_no_split_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"instruction": f"Sort {n}.", "output": "a", "split": f"fold {n}"} for n in (1, 2)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert len(load_seeds(path, "instruction").seeds) == 2
    with pytest.raises(InputError, match="is one file and has no splits"):
        load_seeds(path, "instruction", split="train")
    rows = [{"question": f"{n}?", "reference": "1", "split": one} for n, one in enumerate(("train", "test"))]
    path.write_text("\n".join(map(json.dumps, rows)))
    columns = {"question": "question", "reference": "reference", "family": "split"}
    file = load_seeds(path, "tool_call", columns=columns)
    assert [seed.family for seed in file.seeds] == ["train", "test"], "who maps it means another thing by it"


def test_a_cell_with_a_list_as_python_prints_it(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Who's there?"}, {"role": "assistant", "content": "Me."}]
    path = tmp_path / "rows.csv"
    path.write_text('id,messages\na,"' + str(turns).replace('"', '""') + '"\n')
    (seed,) = load_seeds(path, "instruction").seeds
    assert (seed.question, seed.reference) == ("Who's there?", "Me.")


def test_configurations_are_chosen_by_their_folder(tmp_path: Path) -> None:
    for config in ("main", "socratic"):
        put(tmp_path / config / "train-0.jsonl", 1)
        put(tmp_path / config / "test-0.jsonl", 2)
    with pytest.raises(InputError, match="holds several sets: main, socratic"):
        load_seeds(tmp_path, "tool_call", split="train")
    assert len(load_seeds(tmp_path / "main", "tool_call", split="train").seeds) == 1


def test_shards_whose_ids_begin_again(tmp_path: Path) -> None:
    for shard in ("part-0", "part-1"):
        rows = [{"id": n, "question": f"{shard}, {n}?", "reference": "1"} for n in range(3)]
        rows.append({"id": 3, "question": "The same?", "reference": "1"})
        (tmp_path / f"{shard}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    file = load_seeds(tmp_path, "tool_call")
    assert [seed.name for seed in file.seeds] == ["0", "1", "2", "3", "part-1/0", "part-1/1", "part-1/2"]
    assert [fault.reason for fault in file.faults] == [
        f"the same task is already in line 4 of {tmp_path / 'part-0.jsonl'}"
    ]
    assert file.notes == ("3 ids begin again in another file and are told apart by its name: part-1/0",)


@pytest.mark.parametrize(
    ("shards", "again"),
    [
        (["a.jsonl", "b.jsonl", "c.jsonl"], ["b/0", "b/1", "c/0", "c/1"]),
        (["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"], ["train-00001-of-00002/0"]),
        (["x.csv", "y.csv"], ["y/0", "y/1"]),
        (["sheet.csv", "rows.jsonl"], ["sheet/0", "sheet/1"]),
    ],
)
def test_no_shard_is_lost_whatever_its_form(tmp_path: Path, shards: list[str], again: list[str]) -> None:
    for shard in shards:
        rows = [{"id": str(n), "question": f"{shard}, {n}?", "reference": "1"} for n in range(2)]
        lines = [json.dumps(row) for row in rows]
        if shard.endswith(".csv"):
            lines = ["id,question,reference", *(f'{row["id"]},"{row["question"]}",1' for row in rows)]
        (tmp_path / shard).write_text("\n".join(lines))
    file = load_seeds(tmp_path, "tool_call")
    assert len(file.seeds) == 2 * len(shards) and not file.faults
    assert set(again) <= {seed.name for seed in file.seeds}


def test_an_id_that_stands_twice_in_one_file_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"id": 1, "question": f"{n}?", "reference": "1"}) for n in (1, 2)))
    assert [fault.reason for fault in load_seeds(path, "tool_call").faults] == [
        "the id '1' is already used in line 1"
    ]


@pytest.mark.parametrize(("written", "read"), [("zh-CN", "zh"), ("EN", "en"), ("pt_BR", "pt"), ("de", "de")])
def test_codes_of_languages(tmp_path: Path, written: str, read: str) -> None:
    path = put(tmp_path / "a.jsonl", 1, language=written)
    assert [seed.language for seed in load_seeds(path, "tool_call").seeds] == [read]
