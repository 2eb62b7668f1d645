"""What the report says in words: the headline, the remarks, quantities, and hidden characters made
visible."""

import unicodedata
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.evaluate.interval import wilson
from factory.report.choice import Gate
from factory.report.headline import headline, remarks
from factory.report.measured import Measured
from factory.report.metric_rows import metric_rows
from factory.report.part import Role
from factory.report.yields import Yield
from factory.text.quantities import bounds, duration, latency, number, percent, size, times
from factory.text.visible import escape_hidden, truncate
from tests.support.report_sample import measured, models, report

TEACHER, BASE, STUDENT, SMALL = models()


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (
            [TEACHER, BASE, STUDENT, SMALL],
            "The student answers 88 % of 120 held-out tasks; its teacher 61 %, the untrained base 2 %. "
            "Compressed to INT8 it answers 87 %, at 1.2 times the speed and 0.61 times the size.",
        ),
        ([TEACHER, STUDENT], "The student answers 88 % of 120 held-out tasks; its teacher 61 %."),
        ([STUDENT], "The student answers 88 % of 120 held-out tasks."),
        ([TEACHER, SMALL], "The compressed student answers 87 % of 120 held-out tasks; its teacher 61 %."),
        (
            [TEACHER, BASE],
            "The teacher answers 61 % of 120 held-out tasks; no student has been measured yet.",
        ),
        ([], "743 of 1,200 answers asked for were accepted; no model has been measured yet."),
        (
            [Measured(name="m", role="student")],
            "743 of 1,200 answers asked for were accepted; no model has been measured yet.",
        ),
        (
            [
                STUDENT,
                measured(
                    "student_quantized",
                    106,
                    97,
                    1.0,
                    precision="",
                    tokens_per_s_batch_32=None,
                    weight_bytes=163_200_000,
                ),
            ],
            (
                "The student answers 88 % of 120 held-out tasks. Compressed it still answers 88 %, "
                "at 0.61 times the size."
            ),
        ),
        (
            [STUDENT, measured("teacher", 37, 33, 402.0, n=61)],
            "The student answers 88 % of 120 held-out tasks; its teacher 61 % of 61 held-out tasks.",
        ),
    ],
)
def test_the_headline_says_what_is_known(shown: list[Measured], words: str) -> None:
    assert headline(report(models=shown)).replace("\xa0", " ") == words


def preferring(role: Role, value: float, n: int = 24, **about: Any) -> Measured:
    """Return a model whose answers a judge preferred in that share of the tasks."""
    row = {"metric": "preferred", "value": value, "low": None, "high": None, "n": n}
    return Measured(name="m", role=role, metrics=metric_rows([row]), **about)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (
            [preferring("teacher", 0.5), preferring("base", 0.25), preferring("student", 0.375)],
            "The student is preferred to the reference in 38 % of 24 held-out tasks; its teacher 50 %, the "
            "untrained base 25 %.",
        ),
        (
            [preferring("student", 0.375), preferring("student_quantized", 0.375, precision="INT8")],
            "The student is preferred to the reference in 38 % of 24 held-out tasks. Compressed to INT8 it "
            "still is preferred to the reference in 38 %.",
        ),
        (
            [preferring("teacher", 0.5)],
            "The teacher is preferred to the reference in 50 % of 24 held-out tasks; no student has been "
            "measured yet.",
        ),
    ],
)
def test_where_no_answer_is_right_the_headline_is_what_a_judge_prefers(
    shown: list[Measured], words: str
) -> None:
    assert headline(report(models=shown)).replace("\xa0", " ") == words


def test_preference_is_not_told_as_a_part_of_the_teachers_accuracy() -> None:
    made = report(models=[preferring("teacher", 0.5), preferring("student", 0.375)])
    assert made.retention is None
    told = " ".join(remarks(made))
    assert "accuracy" not in told and "may be chance" in told


def test_a_tie_is_a_half_in_the_interval_of_a_preference() -> None:
    (row,) = preferring("student", 0.375, n=4).metrics
    assert (row.low, row.high) == wilson(1.5, 4)


def test_a_run_that_did_nothing_yet_says_so() -> None:
    assert headline(report(models=[], yield_=Yield())) == "Nothing has been measured yet."
    assert remarks(report(models=[], yield_=Yield())) == []


def test_overlapping_intervals_are_admitted() -> None:
    assert any(
        "may be chance" in remark
        for remark in remarks(report(models=[TEACHER, measured("student", 78, 70, 400.0)]))
    )
    assert not any("may be chance" in remark for remark in remarks(report()))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (percent(0.875), "88 %"),
        (percent(0.0), "0 %"),
        (percent(0.004), "0.4 %"),
        (percent(0.005), "0.5 %"),
        (bounds(0.004, 0.996), "0.4–99.6 %"),
        (bounds(0.62, 0.728), "62–73 %"),
        (percent(0.0001), "under 0.1 %"),
        (percent(0.9999), "99.9 %"),
        (percent(1.0), "100 %"),
        (percent(1.42), "142 %"),
        (percent(None), "–"),
        (number(1200), "1,200"),
        (number(54.0), "54.0"),
        (size(0), "0 bytes"),
        (size(999_600), "1.00 MB"),
        (size(269_060_552), "269 MB"),
        (size(None), "–"),
        (duration(0), "0.0 s"),
        (duration(59.7), "1 min 00 s"),
        (duration(7620), "2 h 07 min"),
        (times(0.6066), "0.61"),
        (times(24.3), "24"),
    ],
)
def test_quantities_read_well(said: str, words: str) -> None:
    assert said.replace("\xa0", " ") == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode, 漢字 and 👩\u200d🔬", "plain, ünïcode, 漢字 and 👩\u200d🔬"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J\r\x00\x7f", "␛[2J␍␀␡"),
        (
            "\x9b31m\u202e\u2066\u200e\u061c\ufeff\u00ad\u2028",
            "[U+009B]31m[U+202E][U+2066][U+200E][U+061C][U+FEFF][U+00AD][U+2028]",
        ),
        ("\ud800\uffff\U000e0041", "[U+D800][U+FFFF][U+E0041]"),
    ],
)
def test_hidden_characters_are_written_out(text: str, shown: str) -> None:
    assert escape_hidden(text) == shown


@given(st.text(alphabet=st.characters()))
def test_visible_text_fits_into_xml_and_stays_as_it_is_when_shown_again(text: str) -> None:
    shown = escape_hidden(text)
    assert ElementTree.fromstring(f"<t>{escape(shown)}</t>").text in (shown, None)
    assert escape_hidden(shown) == shown
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]


def test_a_cut_counts_what_is_left_off() -> None:
    assert truncate("abc", 3) == "abc"
    assert truncate("abcde", 3) == "abc… (and 2 characters more)"


@pytest.mark.parametrize(
    ("lost", "allowed", "words", "ships"),
    [
        (0.017, 0.01, "loses 1.7 of a hundred tasks, 1.0 are allowed: it fails the accuracy gate", "student"),
        (
            -0.02,
            0.0,
            "loses none of a hundred tasks, 0.0 are allowed: it passes the accuracy gate",
            "student_quantized",
        ),
    ],
)
def test_what_may_not_ship_is_not_what_ships(lost: float, allowed: float, words: str, ships: str) -> None:
    gated = report(
        gates=[
            Gate(
                role="student_quantized",
                accuracy_drop=lost,
                max_accuracy_drop=allowed,
                passed=lost <= allowed,
            )
        ]
    )
    assert any(words in remark for remark in remarks(gated))
    assert gated.shipped is not None and gated.shipped.role == ships


def test_latency_in_words() -> None:
    said = [latency(value).replace("\xa0", " ") for value in (None, 0.0123, 0.4499, 1.0, 61)]
    assert said == ["–", "12 ms", "450 ms", "1.0 s", "1 min 01 s"]
