"""What is looked at beside the training of a head: the numbers are those of the formulas."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from datasets import Dataset  # noqa: E402
from transformers import AutoTokenizer, TrainingArguments  # noqa: E402

from factory.adapters.lora import Lora  # noqa: E402
from factory.inference.classifier import text_ids  # noqa: E402
from factory.student.labels.model import new_classifier  # noqa: E402
from factory.student.labels.rows import TextRow  # noqa: E402
from factory.student.labels.trainer import LabelTrainer, TextCollator, columns  # noqa: E402
from factory.student.validation import worth  # noqa: E402
from tests.support import tiny, toy_labels  # noqa: E402


def test_a_text_is_right_if_its_label_is_the_likeliest(tmp_path: Path) -> None:
    base, labels = toy_labels.encoder(tmp_path / "base"), list(toy_labels.LABELS)
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [
        TextRow(row["id"], "", row["text"], text_ids(tokenizer, row["text"]), labels.index(row["label"]), [])
        for row in toy_labels.texts(9, 3)
    ]
    arguments = tiny.arguments(tmp_path / "run", eval_strategy="steps", per_device_eval_batch_size=2)
    del arguments["max_length"]
    trainer = LabelTrainer(
        model=new_classifier(base, labels, Lora(), tokenizer, 1),
        args=TrainingArguments(**arguments),
        data_collator=TextCollator(0),
        processing_class=tokenizer,
        train_dataset=(texts := Dataset.from_list([columns(row, distilled=False) for row in rows])),
        eval_dataset=texts,
    )
    right, losses = 0, []
    for row in rows:
        with torch.no_grad():
            logits = trainer.model.eval()(input_ids=torch.tensor([row.input_ids])).logits[0].double()
        right += int(logits.argmax()) == row.label
        losses.append(-float(logits.log_softmax(0)[row.label]))
    entropy = sum(losses) / len(losses)
    assert trainer.evaluate() == pytest.approx(
        {
            "eval_exact": right / 9,
            "eval_cross_entropy": entropy,
            "eval_worth": worth({"exact": right / 9, "cross_entropy": entropy}, 9),
        },
        rel=1e-4,
    )
