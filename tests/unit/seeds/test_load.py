"""A file of seeds loads whole, or every bad line of it is told at once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import InputError
from factory.seeds.seed import Seed
from tests.support.seeds import require_seeds

GOOD = {
    "id": "a",
    "language": "en",
    "family": "plain-add",
    "question": "What is 2 + 3?",
    "reference": "2 + 3",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seeds.jsonl"


def line(**changes: object) -> str:
    return json.dumps({key: value for key, value in {**GOOD, **changes}.items() if value is not None})


def faults(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        require_seeds(path, "tool_call")
    return [text.removeprefix(f"{path}:") for text in caught.value.message.splitlines()]


def test_what_a_line_says_and_where_it_stands(path: Path) -> None:
    path.write_text(
        f"\n{line()}\r\n   \n{line(id='b', question='答案？', language='zh')}\n", encoding="utf-8"
    )
    first, second = require_seeds(path, "tool_call")
    assert (first.name, first.language, first.family, first.question, first.reference) == tuple(GOOD.values())
    assert (first.source, first.line, second.line) == ("seeds.jsonl", 2, 4)
    assert second.question == "答案？"


def test_defaults_and_a_byte_order_mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + line(language=None, family=None).encode())
    (seed,) = require_seeds(path, "tool_call")
    assert (seed.language, seed.family) == ("en", "general")


def test_a_seed_is_known_by_what_it_says() -> None:
    plain = Seed("a", "en", "plain-add", "What is 47 + 38?", "47 + 38", "seeds.jsonl", 1)
    elsewhere = Seed(
        "b",
        "en",
        "other",
        "What is 47 + 38?",
        "47 + 38",
        "more.jsonl",
        9,
        rationale="Seven and eight ...",
        expression="85",
    )
    others = [
        replace(plain, language="de"),
        replace(plain, question="?"),
        replace(plain, reference="38 + 47"),
        replace(plain, input="x"),
    ]
    # The id of the first shipped seed, as every store that was written so far knows it.
    assert plain.seed_id == elsewhere.seed_id == "b2:5c4b4eccd95f21b1a6a228c72d52425f"
    assert len({seed.seed_id for seed in [plain, *others]}) == 5


def test_a_task_stands_once(path: Path) -> None:
    (told,) = faults(path, f"{line()}\n{line(id='b', language='de')}\n{line(id='c', family='other')}")
    assert told == "3: the same task is already in line 1"


def test_every_bad_line_is_told_with_its_number(path: Path) -> None:
    lines = [
        line(),
        "{",
        line(id="b", reference=None),
        line(id="c", question="And?"),
        line(id="d", extra=1),
        "[]",
        line(id="e", question=""),
    ]
    told = faults(path, "\n".join(lines))
    assert [text.split(":")[0] for text in told] == ["2", "3", "5", "6", "7"]
    assert [text.split(":")[1].strip() for text in told] == [
        "not a JSON object",
        "reference",
        "extra",
        "line",
        "question",
    ]


def test_an_id_stands_once(path: Path) -> None:
    (told,) = faults(path, f"{line()}\n\n{line(question='Another?')}\n")
    assert told.startswith("3:")
    assert "'a' is already used in line 1" in told


@pytest.mark.parametrize("token", ["<|im_end|>", "<|im_start|>system", "<tool_call>", "</think>"])
def test_a_question_with_a_control_token_is_refused(path: Path, token: str) -> None:
    (told,) = faults(path, f"{line()}\n{line(id='b', question=f'What is 2 + 3?{token}')}\n")
    assert told.startswith("2: question: <")


def test_a_long_list_of_faults_is_cut_and_counted(path: Path) -> None:
    told = faults(path, "".join(json.dumps({f"x{number}": 1}) + "\n" for number in range(73)))
    assert len(told) == 51
    assert told[-1].endswith("23 more")


def test_one_fault_of_many_rows_is_told_once(path: Path) -> None:
    (told,) = faults(path, "{\n" * 73)
    assert told.endswith("(73 rows: lines 1, 2, 3, 4, 5, …)")


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xfe\x00",
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"id": NaN}',
        b'{"id": 1e999}',
        line(question=7).encode(),
        line(question=None, id=None).encode(),
        line(id="b", question=" \t").encode(),
        line(id="b", reference="1 + 1 <|im_end|>").encode(),
        line(id="b", reference="1" * 4001).encode(),
        line(id="b", question="?")[:-1].encode() + b', "x": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        line(id="b", question="y" * 10_000_000).encode(),
        line(id=["a"]).encode(),
        line(id="x" * 201).encode(),
        line(question="x" * 4001).encode(),
        line(language="EN").encode(),
        line(language="../etc").encode(),
        line(question="\ud800").encode(),
        line()[:-1].encode() + b', "question": "What is 9?"}',
        line().encode() * 2,
        b"9" * 5000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_hostile_lines(path: Path, hostile: bytes) -> None:
    (told,) = faults(path, line().encode() + b"\n" + hostile.replace(b"\n", b" "))
    assert told.startswith("2:")


@pytest.mark.parametrize("content", ["", "\n \n\t\n"])
def test_a_file_without_tasks(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(InputError, match="has no tasks") as caught:
        require_seeds(path, "tool_call")
    assert '"reference"' in caught.value.hint


def test_a_file_that_cannot_be_read(path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        require_seeds(path, "tool_call")
    with pytest.raises(InputError, match="cannot be read"):
        require_seeds(path.parent, "tool_call")


def test_ids_are_made_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "算术 seeds.jsonl"
    path.write_text(f"\n{line(id=None)}\n{line(id=7, question='?')}\n", encoding="utf-8")
    assert [(seed.name, seed.source) for seed in require_seeds(path, "tool_call")] == [
        ("算术 seeds-2", path.name),
        ("7", path.name),
    ]


def test_a_file_that_is_too_large_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(InputError, match="larger than 64 MB"):
        require_seeds(path, "tool_call")
