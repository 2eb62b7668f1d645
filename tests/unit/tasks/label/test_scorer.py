"""Held-out texts are put bare to a student, and what it says is judged: label by label, with how sure it
was."""

import math
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models

from factory.evaluate.candidate import Candidate, Role
from factory.evaluate.measure import measure
from factory.evaluate.metrics.calibration import calibration_error, coverage
from factory.evaluate.metrics.macro_f1 import macro_f1
from factory.inference.request import Request
from tests.support.labelled import HELD_OUT, STUDENT, label_project
from tests.support.recipes import write_model
from tests.support.scripted import Model, load, opened

PIECES = ["<unk>", "billing", "card", "other", '"', "?"]
# What is said to each text, and how likely it was: three right, one not.
SAID = dict(zip([text for _, text, _ in HELD_OUT], ["billing", "card", "card", "other"], strict=True))
SURE = dict(zip(SAID, [0.9, 0.8, 0.4, 0.6], strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    label_project(tmp_path, "count: 4", more=STUDENT)
    write_model(tmp_path / "base", "base")
    vocabulary = {piece: place for place, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def answer(text: str, label: str, *, quoted: bool) -> dict[str, Any]:
    """Return an answer with its distribution: the rest of the mass is on the label `billing`, or `other`."""
    if text not in SURE:
        return {"text": label}
    rest = "other" if label == "billing" else "billing"
    step = {label: SURE[text], rest: 1 - SURE[text]}
    steps = [{'"': 1.0}, step, {'"': 1.0}] if quoted else [step]
    said = f'"{label}"' if quoted else label
    return {
        "text": said,
        "token_ids": [PIECES.index(next(iter(each))) for each in steps],
        "token_logprobs": [math.log(next(iter(each.values()))) for each in steps],
        "topk_ids": [[PIECES.index(piece) for piece in each] for each in steps],
        "topk_logprobs": [[math.log(share) for share in each.values()] for each in steps],
    }


def measured(folder: Path, role: Role, say: Any) -> tuple[list[Request], list[dict], dict[str, dict]]:
    asked: list[Request] = []

    def heard(request: Request) -> Any:
        asked.append(request)
        return say(request.messages[-1]["content"])

    context = load(folder)
    with opened(context) as store:
        one = Candidate(role, f"b2:{role}", role, folder, role == "teacher", "", "")
        measure(context, store, one, Model(heard), local=False)
        rows = store.query("SELECT * FROM predictions")
        figures = {row["metric"]: row for row in store.query("SELECT * FROM evaluations")}
    return asked, rows, figures


def test_a_student_reads_the_bare_text_and_its_probabilities_are_measured(folder: Path) -> None:
    asked, rows, figures = measured(folder, "student", lambda text: answer(text, SAID[text], quoted=False))
    assert all(
        request.messages == [{"role": "user", "content": request.messages[0]["content"]}] for request in asked
    )
    assert {(request.schema is None, request.sampling.logprobs) for request in asked} == {(True, 20)}
    assert {row["question"]: row["confidence"] for row in rows} == pytest.approx(SURE)
    assert {row["question"]: row["right_answer"] for row in rows} == {
        text: SAID[text] == label for _, text, label in HELD_OUT
    }
    values = {name: (row["value"], row["n"]) for name, row in figures.items()}
    assert values == {
        "answer_accuracy": (0.75, 4),
        "parse_rate": (1.0, 4),
        # billing 1, card 2 / 3, other 2 / 3
        "macro_f1": (pytest.approx(7 / 9), 4),
        "calibration_error": (pytest.approx((0.1 + 0.2 + 0.4 + 0.4) / 4), 4),
        # Without the one that is least sure none is wrong.
        "coverage_at_2pct_error": (0.75, 4),
    }
    low, high = figures["macro_f1"]["low"], figures["macro_f1"]["high"]
    assert 0 <= low < 7 / 9 < high <= 1
    assert (
        measured(folder, "base", lambda text: answer(text, SAID[text], quoted=False))[2]["macro_f1"]["low"]
        == low
    )
    assert (figures["calibration_error"]["better"], figures["coverage_at_2pct_error"]["unit"]) == (
        "lower",
        "share",
    )


def test_a_teacher_is_asked_as_in_generation_and_read_in_quotes(folder: Path) -> None:
    asked, rows, figures = measured(folder, "teacher", lambda text: answer(text, SAID[text], quoted=True))
    assert {request.messages[0]["role"] for request in asked} == {"system"}
    assert all(request.schema is not None for request in asked)
    assert {row["question"]: row["confidence"] for row in rows} == pytest.approx(SURE)
    assert figures["answer_accuracy"]["value"] == 0.75


def test_where_no_probabilities_come_there_are_no_figures_of_them(folder: Path) -> None:
    _, rows, figures = measured(folder, "student", lambda text: "It is about money.")
    assert {row["confidence"] for row in rows} == {None}
    assert set(figures) == {"answer_accuracy", "parse_rate", "macro_f1"}
    assert {row["value"] for row in figures.values()} == {0.0}
    (folder / "tokenizer.json").unlink()
    _, rows, figures = measured(folder, "base", lambda text: answer(text, SAID[text], quoted=False))
    assert {row["confidence"] for row in rows} == {None} and "calibration_error" not in figures


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([("a", "a"), ("b", "b")], 1.0),
        ([("a", None), ("b", None)], 0.0),
        ([("a", "b"), ("b", "a")], 0.0),
        # a: 2·2 / (3 + 2), b: 2·1 / (1 + 2), c is in neither.
        ([("a", "a"), ("a", "a"), ("a", "b"), ("b", "b")], (4 / 5 + 2 / 3) / 2),
        # A label that is only answered counts, with nothing right.
        ([("a", "a"), ("a", "c")], (2 / 3 + 0) / 2),
    ],
)
def test_known_values_of_macro_f1(pairs: list[tuple[str, str | None]], value: float) -> None:
    assert macro_f1(pairs) == pytest.approx(value)


def test_known_values_of_the_calibration_error() -> None:
    assert calibration_error([(1.0, True)] * 5) == 0.0
    assert calibration_error([(1.0, False), (0.95, True)]) == pytest.approx((1.95 - 1) / 2)
    # Two bins, each weighed by its number: |0.8 - 0.5| · 2 + |0.3 - 0| · 1.
    assert calibration_error([(0.8, True), (0.8, False), (0.3, False)]) == pytest.approx(0.9 / 3)


@pytest.mark.parametrize(
    ("sure", "answered"),
    [
        ([(0.9, False)], 0),
        ([(0.9, True)], 1),
        # One wrong of fifty is two in a hundred.
        ([(0.9, True)] * 49 + [(0.5, False)], 50),
        ([(0.9, True)] * 48 + [(0.5, False)], 48),
        # Those of one probability go together.
        ([(0.9, True), (0.9, False), (0.8, True)], 0),
        # A wrong one at the top is made up for by those below it.
        ([(0.99, False)] + [(0.9, True)] * 60, 61),
    ],
)
def test_known_values_of_the_coverage(sure: list[tuple[float, bool]], answered: int) -> None:
    assert coverage(sure) == answered
