"""Columns of any name are read as ours, and a name that fits nothing is told with the nearest one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from tests.support.seeds import load_seeds

ROW = {
    "problem": "2 + 2?",
    "solution": "4",
    "level": 3,
    "rationale": "Two and two.",
    "answer": "a #### 4",
    "messages": None,
}


def load(folder: Path, kind: str, columns: dict[str, str], *rows: dict[str, Any]) -> Any:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return load_seeds(path, kind, columns=columns)


@pytest.mark.parametrize(
    ("kind", "columns", "format"),
    [
        ("rationale", {"question": "problem", "reference": "solution"}, "rationale"),
        ("tool_call", {"question": "problem", "reference": "solution"}, "tool_call"),
        ("instruction", {"instruction": "problem", "output": "solution"}, "instruction"),
        (
            "instruction",
            {"instruction": "problem", "output": "solution", "family": "solution"},
            "instruction",
        ),
        ("tool_call", {"question": "problem", "reference": "solution", "id": "solution"}, "tool_call"),
    ],
)
def test_a_mapping_decides_the_format(
    tmp_path: Path, kind: str, columns: dict[str, str], format: str
) -> None:
    file = load(tmp_path, kind, columns, ROW)
    assert (file.faults, file.format_name) == ([], format)
    assert [(seed.question, seed.reference) for seed in file.seeds] == [("2 + 2?", "4")]


def test_what_is_not_mapped_keeps_its_name(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        "rationale",
        {"question": "problem"},
        {"problem": "How many?", "answer": "Two. #### 2", "question": "old", "id": "x"},
    )
    assert file.format_name == "gsm8k"
    assert [(seed.name, seed.question, seed.reference) for seed in file.seeds] == [("x", "How many?", "2")]


def test_a_conversation_under_its_other_name(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]
    (seed,) = load(tmp_path, "instruction", {"id": "key"}, {"conversations": turns, "key": 4}).seeds
    assert (seed.name, seed.question) == ("4", "Hi.")


def test_a_row_without_the_column(tmp_path: Path) -> None:
    file = load(
        tmp_path, "rationale", {"question": "problem"}, {"problem": "1?"}, {"problme": "2?"}, {"problem": 3}
    )
    assert [fault.reason.split(": ")[0] for fault in file.faults][1] == "question (column 'problem')"
    assert [fault.line for fault in file.faults] == [2, 3]


@pytest.mark.parametrize(
    ("kind", "columns", "said"),
    [
        (
            "rationale",
            {"question": "problm"},
            r"rows.jsonl: columns.question: no row has the column 'problm'; did you mean 'problem'\?",
        ),
        ("rationale", {"question": "problem", "reference": "zzz"}, "no row has the column 'zzz'$"),
        (
            "rationale",
            {"qestion": "problem"},
            r"columns.qestion: no format has this field; did you mean 'question'\?",
        ),
        (
            "rationale",
            {"question": "problem", "output": "solution"},
            "no format of the kind rationale has the fields output, question together",
        ),
        (
            "tool_call",
            {"instruction": "problem"},
            "no format of the kind tool_call has the fields instruction",
        ),
    ],
)
def test_a_mapping_that_fits_nothing(tmp_path: Path, kind: str, columns: dict[str, str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, kind, columns, ROW)
    assert re.search(said, caught.value.message)


def test_a_file_without_rows_has_no_wrong_mapping(tmp_path: Path) -> None:
    assert load(tmp_path, "rationale", {"question": "problem"}).seeds == []
