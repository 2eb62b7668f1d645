"""What is written in our own formats is read back as it was, out of JSON Lines, an array and Parquet alike;
and no bytes end in a crash."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.errors import InputError
from factory.seeds.format import Content
from factory.seeds.seed import Seed
from factory.system.digest import canonical_json
from tests.support.seeds import load_seeds, require_seeds

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)

# The control tokens of chat templates are the one thing in a text that is refused, and st.text() can come
# upon them.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(
    lambda text: not Content("x", text).fault({})
)
said = text.filter(str.strip)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | text,
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
call = st.fixed_dictionaries({"name": said, "arguments": st.dictionaries(text, values, max_size=3)})
steps = st.lists(st.lists(call, min_size=1, max_size=2), max_size=2)
common = {"id": said, "language": st.sampled_from(["en", "zh"]), "family": said}
ROWS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "tool_call": st.fixed_dictionaries(
        {**common, "question": said, "reference": said.filter(lambda text: text.lstrip()[:1] != "[") | steps}
    ),
    "rationale": st.fixed_dictionaries(
        {**common, "question": said}, optional={"rationale": text, "reference": text, "expression": text}
    ),
    "instruction": st.fixed_dictionaries(
        {**common, "instruction": said}, optional={"input": text, "output": text}
    ),
}


def expected(row: dict[str, Any], source: str, line: int) -> Seed:
    reference = row.get("reference", row.get("output", ""))
    return Seed(
        row["id"],
        row["language"],
        row["family"],
        row.get("question", row.get("instruction")),
        reference if isinstance(reference, str) else canonical_json(reference),
        source,
        line,
        **{field: row[field] for field in ("input", "rationale", "expression") if field in row},
    )


def written(path: Path, rows: list[dict[str, Any]]) -> list[int]:
    """Write rows into a file and return the line of each."""
    if path.suffix == ".parquet":
        texts = [{k: v if isinstance(v, str) else canonical_json(v) for k, v in row.items()} for row in rows]
        names = list(dict.fromkeys(name for row in rows for name in row))
        pq.write_table(
            pa.table({name: pa.array([row.get(name) for row in texts], pa.string()) for name in names}), path
        )
        return list(range(1, len(rows) + 1))
    lines = [json.dumps(row, ensure_ascii=len(row) % 2 == 0) for row in rows]
    if path.suffix == ".json":
        path.write_text("[\n" + "\n,\n".join(lines) + "\n]", encoding="utf-8", newline="")
        return list(range(2, 2 * len(rows) + 2, 2))
    path.write_text("\n\n".join(lines), encoding="utf-8", newline="")
    return list(range(1, 2 * len(rows) + 1, 2))


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet"])
@shared
@given(data=st.data())
def test_writing_and_reading_is_the_identity(
    tmp_path: Path, kind: str, name: str, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(ROWS[kind], min_size=1, max_size=4, unique_by=lambda row: row["id"]))
    known: dict[str, dict[str, Any]] = {}
    for row in drawn:
        known.setdefault(expected(row, "", 0).seed_id, row)
    rows = list(known.values())
    lines = written(tmp_path / name, rows)
    assert require_seeds(tmp_path / name, kind) == [
        expected(row, name, line) for row, line in zip(rows, lines, strict=True)
    ]


fragment = st.sampled_from(
    [
        b'{"question":"a","reference":"1"}',
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b"\\",
        b",",
        b"\n",
        b"\r\n",
        b"question,reference",
        b"NaN",
        b"\xff",
        b"\x00",
    ]
) | st.binary(max_size=4)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet"])
@shared
@given(content=st.lists(fragment, max_size=20).map(b"".join))
def test_any_bytes_are_seeds_or_faults_or_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    lines = content.count(b"\n") + content.count(b"\r") + 1
    for kind in ROWS:
        try:
            file = load_seeds(tmp_path / name, kind)
        except InputError as error:
            assert str(tmp_path / name) in error.message or "cannot serve" in error.message
            continue
        assert all(
            1 <= fault.line <= lines and fault.reason and fault.reason.isprintable() for fault in file.faults
        )
        assert all(1 <= seed.line <= lines for seed in file.seeds)
