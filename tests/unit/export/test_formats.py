"""What is read back from each form is what the store holds."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import FactoryError
from factory.export.exact_json import exact_json
from factory.workspace import Workspace
from tests.support.export_stores import (
    TOOL,
    call_messages,
    export_to,
    instruction_sample,
    make_store,
    many,
    read_lines,
    said_messages,
    sample,
)
from tests.support.sample_rows import EVIL, open_store

datasets = pytest.importorskip("datasets")

ODD = [
    "",
    EVIL,
    "<script>alert(1)</script>",
    "中文，两个",
    "👩‍👩‍👧 \u2028\u2029\x85\ufeff",
    "{{ 7 * 7 }} {% raw %}",
    "| `a` ``` |",
    "\r\n\t'\"\\",
]


def stored(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the accepted samples in the order of the plan, with JSON read, as the store has them."""
    with open_store(workspace) as store:
        rows = store.query(
            "SELECT s.* FROM training_set t JOIN samples s USING (sample_id) ORDER BY t.position"
        )
    return [row | {"messages": json.loads(row["messages"])} for row in rows]


def read(format: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each split, as plain Python reads them."""
    if format == "hf":
        return {split: list(rows) for split, rows in datasets.load_from_disk(str(folder)).items()}
    if format == "jsonl":
        return {path.stem: read_lines(path) for path in folder.glob("*.jsonl")}
    return {path.stem: pyarrow.parquet.read_table(path).to_pylist() for path in folder.glob("*.parquet")}


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without fields that are null, the arguments of its calls read."""
    message = {name: value for name, value in message.items() if value is not None}
    for call in message.get("tool_calls", []):
        if isinstance(arguments := call["function"]["arguments"], str):
            call["function"]["arguments"] = json.loads(arguments)
    return message


@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_rows_are_those_of_the_store(tmp_path: Path, format: str) -> None:
    odd = [
        sample(
            3000 + place,
            f"b2:seed{place}",
            question=text,
            answer=text,
            messages=call_messages(text, {"expression": text}, text),
        )
        for place, text in enumerate(ODD)
    ]
    workspace = make_store(tmp_path / "w", [*odd, *many(2500, seeds=40)], rejected=2)
    done = export_to(workspace, tmp_path / "out", format, validation=0.3)

    splits = read(format, tmp_path / "out")
    assert set(splits) == {"train", "validation"}
    rows = {row["sample_id"]: row for rows in splits.values() for row in rows}
    wanted = stored(workspace)
    assert len(rows) == len(wanted) == sum(map(len, splits.values())) == sum(done.tally.rows.values()) == 2506
    for one in wanted:
        row = rows[one["sample_id"]]
        assert [plain(message) for message in row["messages"]] == [
            plain(message) for message in one["messages"]
        ]
        assert json.loads(row["tools"]) == [TOOL]
        for name in (
            "kind",
            "language",
            "question",
            "reference",
            "rationale",
            "answer",
            "seed_id",
            "task_id",
            "request_key",
            "parents",
        ):
            assert row[name] == one[name]
        assert row["seed"] == f"name of {one['seed_id']}"
        assert (row["family"], row["teacher"], row["teacher_revision"], row["template_digest"]) == (
            "product",
            "teacher-a",
            "r1",
            "b2:t",
        )
        assert json.loads(row["sampling"])["temperature"] == 0.8
        assert [(verdict["check"], verdict["passed"], verdict["reason"]) for verdict in row["verdicts"]] == [
            ("execution", True, "ok"),
            ("schema", True, "ok"),
        ]
    order = [one["sample_id"] for one in wanted]
    for some in splits.values():
        places = [order.index(row["sample_id"]) for row in some]
        assert places == sorted(places)


def test_arguments_are_objects_in_a_folder_and_text_elsewhere(tmp_path: Path) -> None:
    workspace = make_store(
        tmp_path / "w", [sample(0, "b2:s", messages=call_messages("?", {"x": 1.938, "y": [{"z": None}]}))]
    )
    for format in ("jsonl", "parquet", "hf"):
        export_to(workspace, tmp_path / format, format)
    found = {
        format: read(format, tmp_path / format)["train"][0]["messages"]
        for format in ("jsonl", "parquet", "hf")
    }
    arguments = {
        format: messages[1]["tool_calls"][0]["function"]["arguments"] for format, messages in found.items()
    }
    assert arguments == {
        "jsonl": '{"x": 1.938, "y": [{"z": null}]}',
        "parquet": arguments["jsonl"],
        "hf": {"x": 1.938, "y": [{"z": None}]},
    }
    # What a message does not say is not there, so that a template's `'tool_calls' in message` is right.
    assert set(found["hf"][0]) == {"role", "content"}


def test_a_number_that_datasets_cannot_read_stays_text_and_is_counted(tmp_path: Path) -> None:
    huge = {"n": 2**70}
    rows = [sample(0, "b2:s", messages=call_messages("?", huge)), sample(1, "b2:s")]
    done = export_to(make_store(tmp_path / "w", rows), tmp_path / "out", "hf")
    first, second = read("hf", tmp_path / "out")["train"]
    assert json.loads(first["messages"][1]["tool_calls"][0]["function"]["arguments"]) == huge
    assert second["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"expression": "1 * 12"}
    assert done.as_text == 1
    assert "1 calls keep their arguments as JSON text" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_instructions_are_alpaca_rows_as_well(tmp_path: Path, format: str) -> None:
    # What was stored before there was an input has none, and its family only in the seed.
    old = instruction_sample(
        1, "b2:s", input=None, family=None, question="Name a colour.", messages=said_messages("Name", "Blue.")
    )
    workspace = make_store(tmp_path / "w", [instruction_sample(0, "b2:s", family="naming"), old])
    export_to(workspace, tmp_path / "out", format)
    first, second = read(format, tmp_path / "out")["train"]
    alpaca = ("instruction", "input", "output", "family")
    assert [first[name] for name in alpaca] == ["Name a colour of this.", "Jar 0 of plums", "Blue.", "naming"]
    assert [second[name] for name in alpaca] == ["Name a colour.", "", "Blue.", "product"]
    assert [plain(message) for message in second["messages"]] == said_messages("Name", "Blue.")
    assert not {"tools", "task", "weight"} & set(first)


@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_prompt_and_completion_are_the_conversation_cut_before_the_assistant(
    tmp_path: Path, format: str
) -> None:
    workspace = make_store(tmp_path / "w", many(3, seeds=1))
    export_to(workspace, tmp_path / "out", format, shape="prompt-completion")
    for row, one in zip(read(format, tmp_path / "out")["train"], stored(workspace), strict=True):
        assert "messages" not in row
        assert [message["role"] for message in row["prompt"]] == ["user"]
        assert [plain(message) for message in row["prompt"] + row["completion"]] == [
            plain(message) for message in one["messages"]
        ]


def test_samples_without_a_conversation_are_left_out_and_counted(tmp_path: Path) -> None:
    empty = [
        sample(1, "b2:s", messages=None),
        sample(2, "b2:s", messages=[]),
        sample(3, "b2:s", messages=said_messages("a", "b")[1:]),
    ]
    workspace = make_store(tmp_path / "w", [sample(0, "b2:s"), *empty])
    done = export_to(workspace, tmp_path / "out")
    assert [row["sample_id"] for row in read_lines(tmp_path / "out" / "train.jsonl")] == ["b2:sample0"]
    assert done.tally.without_conversation == 3
    assert "3 accepted samples hold no conversation" in (tmp_path / "out" / "README.md").read_text()


def test_parquet_loses_no_field_in_silence(tmp_path: Path) -> None:
    messages = [*said_messages("a", "b"), {"role": "assistant", "content": "c", "mood": "glad"}]
    workspace = make_store(tmp_path / "w", [sample(0, "b2:s", messages=messages)])
    with pytest.raises(FactoryError, match="b2:sample0 has the field 'mood'"):
        export_to(workspace, tmp_path / "out", "parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["w"]
    export_to(workspace, tmp_path / "out", "hf")
    assert read("hf", tmp_path / "out")["train"][0]["messages"] == messages


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.decimals(-10_000, 10_000, places=5).map(float)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_datasets_reads_what_was_meant(value: object) -> None:
    read = datasets.Json().decode_example
    assert json.dumps(read(exact_json(value, read)), sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, float("nan"), float("inf"), "\ud800", {"a": [5e-324]}], ids=repr
)
def test_what_datasets_cannot_read_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        exact_json(value, datasets.Json().decode_example)
