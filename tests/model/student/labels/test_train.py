"""A toy task is learnt by a tiny encoder and a tiny decoder with a head, from labels and from the teacher's
probabilities; what comes out is a model folder with its labels in order and its calibration."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from factory.context.lineage import Lineage
from factory.generate.stage import generate
from factory.inference.classifier import Classifier
from factory.models.artifact import verify
from factory.student.train import train
from tests.support import toy_labels
from tests.support.scripted import Model, load, opened

SFT = "sft: {steps: 70, batch_size: 16, save_every: 70, learning_rate: %s}"
FULL = "adapter: {kind: full}, "


def _student(folder: Path, base: str, stages: str, more: str = "") -> tuple[Path, Lineage]:
    """Train a student of the toy task; return the folder of the merged model and its lineage."""
    getattr(toy_labels, base)(folder / base)
    head = "head: true, " if base == "decoder" else ""
    toy_labels.project(folder, f"{{base: {base}, {head}{more}stages: [{stages}]}}")
    plan = load(folder)
    with opened(plan) as store:
        generate(plan, store, Model(toy_labels.say))
        train(plan.run, store)
        lineage = Lineage(plan.run, store)
        return plan.run.workspace.models / lineage.student.name, lineage


def _right(folder: Path) -> float:
    model, rows = Classifier(folder), toy_labels.texts(60, 7)
    said = [model.probabilities(row["text"]) for row in rows]
    assert all(shares is not None and sum(shares.values()) == pytest.approx(1) for shares in said)
    pairs = zip(said, rows, strict=True)
    return sum(max(shares, key=shares.get) == row["label"] for shares, row in pairs) / len(rows)


@pytest.mark.parametrize(
    ("base", "adapter", "rate"), [("encoder", "", 0.01), ("encoder", FULL, 0.003), ("decoder", "", 0.005)]
)
def test_a_head_learns_the_toy_task(tmp_path: Path, base: str, adapter: str, rate: float) -> None:
    folder, lineage = _student(tmp_path, base, f"{{{SFT % rate}}}", adapter)
    verify(folder)
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"][0].endswith("ForSequenceClassification")
    assert [config["id2label"][str(place)] for place in range(3)] == list(toy_labels.LABELS)
    assert _right(folder) > 0.9
    assert json.loads((folder / "calibration.json").read_text())["deferral"]["texts"] > 5
    assert lineage.student.about["calibration"] == {"share": 0.15, "defer_error": 0.02}
