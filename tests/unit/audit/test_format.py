"""Answers as tables, CSV, JSON and Parquet: they fit, nothing in them does anything, and programs get back
what was there."""

import csv
import io
import json
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from factory.audit.format import to_csv, to_json, to_parquet, to_table
from factory.store.reader import Answer
from factory.text.visible import escape_hidden
from tests.support.sample_rows import EVIL

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def answer(columns: list[str], *rows: list[Any], types: list[str] | None = None) -> Answer:
    return Answer(columns, list(rows), False, types or [])


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(st.lists(TEXT, min_size=n, max_size=n), min_size=1, max_size=3)
    ),
    st.integers(40, 200),
)
def test_a_table_fits_its_width_and_drives_nothing(rows: list[list[str]], width: int) -> None:
    text = to_table(answer([f"column_{place}" for place in range(len(rows[0]))], *rows), width)
    assert all(cell_len(line) <= width for line in text.split("\n"))
    assert escape_hidden(text.replace("\n", "")) == text.replace("\n", "")


def test_columns_that_do_not_fit_stand_below_each_other() -> None:
    wide = answer([f"column_{place}" for place in range(9)], ["some longer text than a word " * 4] * 9)
    assert "─── row 1 ───" in to_table(wide, 80)
    assert "─── row 1 ───" not in to_table(wide, 300)


def test_a_long_cell_is_folded_and_cut_with_a_count() -> None:
    text = to_table(answer(["a"], ["x" * 5000]), 80)
    assert text.count("x") == 1000
    assert "(and 4,000 characters more)" in " ".join(text.split())


def test_hostile_text_is_shown_as_text() -> None:
    text = to_table(answer([EVIL], [EVIL]), 160)
    assert text.count("[/nope][bold]") == 2
    assert not {"\x1b", "\x07", "\u202e", "\0"} & set(text)


@given(st.lists(st.tuples(TEXT, st.integers(), st.none()), max_size=5))
def test_csv_gives_back_every_text_and_none_begins_as_a_formula(rows: list[tuple[str, int, None]]) -> None:
    written = to_csv(answer(["a", "b", "c"], *map(list, rows)))
    header, *read = csv.reader(io.StringIO(written, newline=""))
    assert header == ["a", "b", "c"]
    for (text, number, _), (cell, digits, nothing) in zip(rows, read, strict=True):
        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert text == cell or "'" + text == cell
        assert (digits, nothing) == (str(number), "")


def test_a_column_name_is_no_formula_either() -> None:
    assert to_csv(answer(["=1+1"], [-5])) == "'=1+1\n-5\n"


@given(st.lists(TEXT, max_size=5))
def test_json_is_exact(texts: list[str]) -> None:
    assert json.loads(to_json(answer(["a"], *[[text] for text in texts]))) == [{"a": text} for text in texts]


@pytest.mark.parametrize(
    ("kind", "values", "type"),
    [
        ("DOUBLE", [1.5, "nan", "inf", None], "double"),
        ("FLOAT", [1.5, 2.0], "float"),
        ("BIGINT", [1, None], "int64"),
        ("BOOLEAN", [True, None], "bool"),
        ("VARCHAR", [None, None], "string"),
        ("TIMESTAMP", ["2026-11-25 03:00:00", "2026-11-25 03:00:00.5"], "timestamp[us]"),
        ("DATE", ["2026-11-25"], "date32[day]"),
        ("DECIMAL(4,1)", ["1.5", None], "decimal128(4, 1)"),
        ("VARCHAR[]", [["a"], []], "list<element: string>"),
        ("HUGEINT", [1, 2**100], "string"),
        ("DOUBLE[]", [[1.5], ["nan"]], "string"),
        ("TIMESTAMP", ["290309-12-22 (BC) 00:00:00"], "string"),
    ],
)
def test_parquet_keeps_types_where_it_has_them(kind: str, values: list[Any], type: str) -> None:
    table = pyarrow.parquet.read_table(
        io.BytesIO(to_parquet(answer(["a"], *[[value] for value in values], types=[kind])))
    )
    assert str(table.schema.field("a").type) == type
    assert [value is None for value in table["a"].to_pylist()] == [value is None for value in values]
