"""What a head learns of a sample: its text, its label, and how likely the teacher found each label, where
that is proved to belong to them."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from factory.context.lineage import Lineage
from factory.errors import FactoryError
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.models.spelling import read_spelling
from factory.student.labels.rows import TextRow, text_rows
from factory.student.train import student_tokenizer, train
from tests.support import toy_labels
from tests.support.scripted import HEAD, Model, load, opened

DISTILL = "distill: {steps: 2, batch_size: 4, teacher: stored, weight: 0.5}"


def _project(folder: Path, stages: str, *, length: int = 40) -> Any:
    toy_labels.encoder(folder / "encoder", length=length)
    toy_labels.teacher(folder / "teacher")
    path = toy_labels.project(
        folder, f"{{base: encoder, calibration: {{share: 0.4}}, stages: [{stages}]}}", count=24
    )
    path.write_text(path.read_text().replace(HEAD, "name: tiny\nteacher: {model: teacher}\n"))
    return load(folder)


def _without(request: Request) -> dict[str, Any]:
    """Answer as the teacher does, of visits without what was likeliest, of cards with tokens of another
    text."""
    said = toy_labels.say(request)
    if "visit" in said["text"]:
        return said | dict.fromkeys(("token_ids", "token_logprobs", "topk_ids", "topk_logprobs"))
    if "card" in said["text"]:
        return said | toy_labels.likely("money")
    return said


def _rows(plan: Any, store: Any) -> list[TextRow]:
    return text_rows(plan.run, Lineage(plan.run, store).samples, student_tokenizer(plan.run))


def test_the_teachers_probabilities_are_those_of_the_labels_in_order(tmp_path: Path) -> None:
    plan = _project(tmp_path, f"{{{DISTILL}}}")
    with opened(plan) as store:
        generate(plan, store, Model(toy_labels.say))
        rows = _rows(plan, store)
    assert len(rows) == 24
    for row in rows:
        label = toy_labels.label_of(row.text)
        assert list(toy_labels.LABELS)[row.label] == label
        expected = [0.9 if name == label else 0.05 for name in toy_labels.LABELS]
        assert row.teacher == pytest.approx(expected)
        assert row.input_ids[0] == 2 and row.input_ids[-1] == 3  # [CLS] and [SEP]


def test_where_they_are_not_known_a_distillation_leaves_the_text_out_and_says_why(tmp_path: Path) -> None:
    plan = _project(tmp_path, f"{{{DISTILL}}}")
    with opened(plan) as store:
        generate(plan, store, Model(_without))
        rows = _rows(plan, store)
        found = {toy_labels.label_of(row.text): (row.fault, bool(row.teacher)) for row in rows}
        assert found == {
            "money": ("", True),
            "card": ("other_text", False),
            "visit": ("no_logprobs", False),
        }
        train(plan.run, store)
        (about,) = store.query("SELECT about FROM artifacts WHERE kind = 'adapter'")
        parts = {row["metric"] for row in store.query("SELECT DISTINCT metric FROM training_log")}
    assert {"cross_entropy", "divergence"} <= parts
    assert "head" in str(about)


@pytest.mark.parametrize(
    ("question", "answer", "found"),
    [("w1 chip", "card", True), ("w1 pin", "card", False), ("w1 chip", "money", False)],
)
def test_of_another_text_or_another_label_the_teacher_said_nothing(
    tmp_path: Path, question: str, answer: str, found: bool
) -> None:
    plan = _project(tmp_path, f"{{{DISTILL}}}")
    spell = read_spelling(plan.run.teacher.folder)
    said = {"text": '"card"', "messages": [{"role": "user", "content": "w1 chip"}]}
    known = plan.kind.label_probabilities(
        plan.data, {"answer": answer}, question, said | toy_labels.likely("card"), spell
    )
    assert (known == "edited") is not found


def test_a_text_that_is_too_long_for_the_base_is_left_out(tmp_path: Path) -> None:
    plan = _project(tmp_path, "{sft: {steps: 1}}", length=3)
    with opened(plan) as store:
        generate(plan, store, Model(toy_labels.say))
        with pytest.raises(
            FactoryError, match="none of the 24 samples can be learnt from: 24 prompt_too_long"
        ):
            train(plan.run, store)
