"""The notes and their fields keep the rules that `data/README.md` states."""

import json
import re
from collections import Counter

import pytest
from jsonschema import Draft202012Validator

from factory.chat_formats.control_token import control_token
from factory.inference.schema_grammar import flatten
from factory.system.digest import canonical_json
from tests.support.data_rows import DATA, Row, for_each, language_of, read
from tests.support.dates_and_times import dates, times
from tests.support.written import leaks, near_pairs, repeated

SCHEMA = json.loads((DATA / "extract" / "note.schema.json").read_text(encoding="utf-8"))
KINDS = SCHEMA["properties"]["kind"]["enum"]
NULLABLE = sorted(set(SCHEMA["properties"]) - {"kind"})
MONEY = {
    "EUR": r"€|euro|欧元",
    "USD": r"\$|dollar|USD|美元",
    "CNY": r"yuan|(?<![美欧])元|块",
    "GBP": r"£|pound|英镑",
}
SEEDS, HELD_OUT = read("extract/notes.jsonl"), read("extract/held_out.jsonl")
each_note = for_each(SEEDS + HELD_OUT)


def text_of(row: Row) -> str:
    return row["text"]


def fields_of(row: Row) -> str:
    return canonical_json(row["fields"])


@pytest.mark.parametrize(
    ("rows", "en", "zh"), [(SEEDS, 18, 12), (HELD_OUT, 24, 16)], ids=["seeds", "held-out"]
)
def test_every_kind_is_there_as_often_in_either_language(rows: list[Row], en: int, zh: int) -> None:
    assert Counter((row["fields"]["kind"], row["language"]) for row in rows) == {
        (kind, language): count for kind in KINDS for language, count in (("en", en), ("zh", zh))
    }


@pytest.mark.parametrize("rows", [SEEDS, HELD_OUT], ids=["seeds", "held-out"])
@pytest.mark.parametrize("field", NULLABLE)
def test_every_field_is_often_there_and_often_not(rows: list[Row], field: str) -> None:
    assert 0.15 <= sum(row["fields"][field] is None for row in rows) / len(rows) <= 0.85


def test_the_schema_asks_for_every_field_and_a_grammar_takes_it_as_it_is() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["required"] == list(SCHEMA["properties"])
    assert flatten(SCHEMA) == SCHEMA


def test_ids_are_unique() -> None:
    assert repeated(SEEDS + HELD_OUT) == []


@each_note
def test_fields(row: Row) -> None:
    assert set(row) == {"id", "language", "text", "fields"}
    assert re.fullmatch(rf"{'note' if row in SEEDS else 'held-note'}-{row['language']}-\d{{3}}", row["id"])
    assert list(row["fields"]) == SCHEMA["required"]
    Draft202012Validator(SCHEMA).validate(row["fields"])
    assert row["text"] == row["text"].strip() and not control_token(row["text"])
    assert row["language"] == language_of(row["text"])


@each_note
def test_names_and_places_stand_in_the_note_letter_by_letter(row: Row) -> None:
    for field in ("person", "place"):
        text = row["fields"][field]
        assert text is None or (text and text in row["text"])


@each_note
def test_date_and_time_are_the_only_ones_of_the_note(row: Row) -> None:
    assert dates(row["text"]) == [day for day in [row["fields"]["date"]] if day]
    assert times(row["text"]) == [time for time in [row["fields"]["time"]] if time]


@each_note
def test_the_sum_and_its_currency_are_those_of_the_note(row: Row) -> None:
    amount, currency = row["fields"]["amount"], row["fields"]["currency"]
    named = [code for code, words in MONEY.items() if re.search(words, row["text"])]
    assert named == ([currency] if currency else [])
    assert amount is None or amount in map(float, re.findall(r"\d+(?:\.\d+)?", row["text"]))
    assert amount is not None or currency is None


def test_no_two_notes_are_near() -> None:
    assert near_pairs(SEEDS + HELD_OUT, text_of) == []


def test_no_held_out_note_has_leaked_into_the_seeds() -> None:
    assert leaks(SEEDS, HELD_OUT, text_of, fields_of) == []
