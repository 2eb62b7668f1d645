"""A student with a head that cannot be made is refused in one sentence, before anything is loaded."""

import json
from pathlib import Path

import pytest

from factory.compress.stage import CompressStage
from factory.errors import InputError
from factory.models.folder import inspect
from factory.student.preflight import require_head
from tests.support.labelled import label_project
from tests.support.recipes import write_model
from tests.support.scripted import HEAD, load, project

SFT = "stages: [{sft: {steps: 1}}]"


def _base(folder: Path, kind: str, **config: object) -> None:
    """Write a base of a `model_type`."""
    write_model(folder / "base", "base")
    path = folder / "base" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": kind} | config))


@pytest.mark.parametrize(
    ("kind", "student", "why"),
    [
        ("bert", "stages: [{distill: {steps: 1, teacher: stored, top_k: 3}}]", "distill.top_k: a head has"),
        (
            "bert",
            "stages: [{distill: {steps: 1, teacher: stored, tail: drop}}]",
            "distill.tail: a head has labels",
        ),
        (
            "bert",
            "stages: [{distill: {steps: 1, teacher: stored, focus: 0.5}}]",
            "distill.focus: a head has labels",
        ),
        (
            "bert",
            "stages: [{distill: {steps: 1, teacher: stored, mix: add}}]",
            "distill.mix: of a head's loss",
        ),
        (
            "bert",
            "stages: [{distill: {steps: 1, teacher: stored, curriculum: [{until: {top1: 0.9}}, {}]}}]",
            "distill.curriculum: a head has no tokens to agree on",
        ),
        ("bert", f"format: hermes, {SFT}", "student.format: .* is an encoder"),
        ("bert", f"adapter: {{kind: prompt_tuning}}, {SFT}", "virtual tokens alone train no head"),
        ("llama", f"head: true, precision: bfloat16, {SFT}", "is trained in float32"),
        ("llama", f"calibration: {{share: 0.2}}, {SFT}", "only the probabilities of a student with a head"),
    ],
)
def test_settings_that_do_not_suit_a_head_are_refused(
    tmp_path: Path, kind: str, student: str, why: str
) -> None:
    _base(tmp_path, kind)
    label_project(tmp_path, "count: 4", more=f"student: {{base: base, {student}}}\n")
    with pytest.raises(InputError, match=why) as caught:
        require_head(load(tmp_path).run)
    assert caught.value.hint


@pytest.mark.parametrize("teacher", ["in_process", "cache"])
def test_a_head_learns_no_distribution_over_tokens(tmp_path: Path, teacher: str) -> None:
    _base(tmp_path, "bert")
    stages = f"[{{distill: {{steps: 1, teacher: {teacher}}}}}]"
    path = label_project(tmp_path, "count: 4", more=f"student: {{base: base, stages: {stages}}}\n")
    path.write_text(path.read_text().replace(HEAD, "name: tiny\nteacher: {model: base}\n"))
    with pytest.raises(InputError, match=f"distill.teacher: {teacher}: a student with a head"):
        require_head(load(tmp_path).run)


@pytest.mark.parametrize("student", [f"head: true, {SFT}", SFT])
@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert", "distilbert"])
def test_an_encoder_always_has_a_head(tmp_path: Path, kind: str, student: str) -> None:
    _base(tmp_path, kind)
    label_project(tmp_path, "count: 4", more=f"student: {{base: base, {student}}}\n")
    run = load(tmp_path).run
    require_head(run)
    assert run.labels == ("billing", "card", "other")
    assert run.set_aside == 0.15


@pytest.mark.parametrize(("base", "why"), [("bert", "is an encoder"), ("llama", "student.head is set")])
def test_a_kind_without_labels_has_no_head(tmp_path: Path, base: str, why: str) -> None:
    _base(tmp_path, base)
    head = "head: true, " if base == "llama" else ""
    project(tmp_path, "rationale", "count: 4", more=f"student: {{base: base, {head}{SFT}}}\n")
    with pytest.raises(InputError, match=f"{why}.* kind rationale has no labels"):
        require_head(load(tmp_path).run)


def test_a_decoder_that_writes_is_as_it_was(tmp_path: Path) -> None:
    _base(tmp_path, "llama")
    label_project(tmp_path, "count: 4", more=f"student: {{base: base, {SFT}}}\n")
    run = load(tmp_path).run
    require_head(run)
    assert run.labels == () and run.set_aside == 0.0


def test_a_head_is_not_compressed(tmp_path: Path) -> None:
    _base(tmp_path, "bert")
    label_project(
        tmp_path, "count: 4", more=f"student: {{base: base, {SFT}}}\ncompress: {{quantize: w8a8-dynamic}}\n"
    )
    with pytest.raises(InputError, match="compress: a student with a classification head is not compressed"):
        CompressStage().preflight(load(tmp_path))


def test_an_encoder_decoder_is_refused_by_its_name(tmp_path: Path) -> None:
    _base(tmp_path, "t5", is_encoder_decoder=True)
    with pytest.raises(InputError, match=r"is an encoder-decoder \(t5\)"):
        inspect(tmp_path / "base")


def test_a_distilbert_is_measured_under_its_own_names(tmp_path: Path) -> None:
    _base(tmp_path, "distilbert")
    path = tmp_path / "base" / "config.json"
    config = json.loads(path.read_text())
    config |= {"n_layers": config.pop("num_hidden_layers"), "dim": config.pop("hidden_size")}
    path.write_text(json.dumps(config))
    assert (inspect(tmp_path / "base").layers, inspect(tmp_path / "base").hidden_size) == (10, 64)
