"""The mails and their labels keep the rules that `data/README.md` states."""

import re
from collections import Counter

import pytest

from factory.chat_formats.control_token import control_token
from tests.support.data_rows import DATA, Row, for_each, language_of, read
from tests.support.written import leaks, near_pairs, repeated

LABELS = (
    "order_status",
    "return",
    "refund",
    "defect",
    "billing",
    "account",
    "product_question",
    "other",
)
SEEDS, HELD_OUT = read("label/mails.jsonl"), read("label/held_out.jsonl")
each_mail = for_each(SEEDS + HELD_OUT)


def text_of(row: Row) -> str:
    return row["text"]


def label_of(row: Row) -> str:
    return row["label"]


@pytest.mark.parametrize(
    ("rows", "en", "zh"), [(SEEDS, 12, 8), (HELD_OUT, 18, 12)], ids=["seeds", "held-out"]
)
def test_every_label_is_there_as_often_in_either_language(rows: list[Row], en: int, zh: int) -> None:
    assert Counter((row["label"], row["language"]) for row in rows) == {
        (label, language): count for label in LABELS for language, count in (("en", en), ("zh", zh))
    }


def test_the_readme_says_what_each_label_means() -> None:
    told = re.findall(r"^\| `(\w+)` \| ", (DATA / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [label for label in told if label in LABELS] == list(LABELS)


def test_ids_are_unique() -> None:
    assert repeated(SEEDS + HELD_OUT) == []


@each_mail
def test_fields(row: Row) -> None:
    assert set(row) == {"id", "language", "text", "label"}
    assert re.fullmatch(rf"{'mail' if row in SEEDS else 'held-mail'}-{row['language']}-\d{{3}}", row["id"])
    assert 0 < len(row["text"]) <= 300
    assert row["text"] == row["text"].strip()
    assert not control_token(row["text"])
    assert row["language"] == language_of(row["text"])


@each_mail
def test_nobody_can_be_written_to_or_rung_up(row: Row) -> None:
    assert not re.search(r"@|https?:|\d{7,}", row["text"])


def test_no_two_mails_are_near() -> None:
    assert near_pairs(SEEDS + HELD_OUT, text_of) == []


def test_no_held_out_mail_has_leaked_into_the_seeds() -> None:
    assert leaks(SEEDS, HELD_OUT, text_of, label_of) == []
