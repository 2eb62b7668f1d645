"""`factory validate` says what this machine does slowly, or not at all, of what a recipe asks for."""

import sys
from pathlib import Path

import pytest

from factory.cli import validate
from factory.models import precision
from tests.support.command import ROOT, typed
from tests.support.recipes import write_model
from tests.support.tiny_formats import LLAMA, TAGS, TAGS_MARKS, base_folder

RECIPE = (
    (ROOT / "pipelines" / "calculator.yaml").read_text(encoding="utf-8").replace(" data/", f" {ROOT}/data/")
)


def said(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    sets: list[str],
    *,
    quantize: str = "w8a8-static",
    gpu: bool = False,
) -> str:
    for module in (validate, precision):
        monkeypatch.setattr(module, "machine", lambda: {"instruction_sets": sets})
        monkeypatch.setattr(module, "has_gpu", lambda: gpu)
    path = folder / "recipe.yaml"
    text = RECIPE.replace("quantize: w8a8-static, calibration_samples: 32", f"quantize: {quantize}")
    path.write_text(text, encoding="utf-8")
    done = typed("validate", path)
    assert done.returncode == 0, done.stderr
    return "".join(line for line in done.stdout.splitlines() if line.startswith("  this machine:"))


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("smollm2-135m-instruct", "Hermes, "),
        ("base", "Llama 3, because the base's tokenizer knows its marks <|begin_of_text|>"),
        ("org/not-here", "chosen when org/not-here is here"),
        ("smollm2-135m-instruct\n  format: hermes", None),
    ],
)
def test_what_auto_chooses_is_said(base: str, told: str | None, tmp_path: Path) -> None:
    write_model(tmp_path / "base", "base")
    base_folder(tmp_path / "base", LLAMA, None)
    path = tmp_path / "recipe.yaml"
    assert RECIPE.count("base: smollm2-135m-instruct\n") == 1
    text = RECIPE.replace("base: smollm2-135m-instruct\n", f"base: {base}\n")
    path.write_text(text, encoding="utf-8")
    done = typed("validate", path)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("  chat format: ")]
    assert len(said) == (told is not None) and (told or "") in "".join(said)


def test_a_plain_install_does_not_look_at_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers.utils.chat_template_utils", None)
    write_model(tmp_path / "base", "base")
    base_folder(tmp_path / "base", TAGS_MARKS, TAGS)
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("base: smollm2-135m-instruct", "base: base"), encoding="utf-8")
    done = typed("validate", path)
    assert done.returncode == 0 and "chat format: chosen where models are trained" in done.stdout


def test_nothing_where_everything_is_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(tmp_path, monkeypatch, ["avx2", "avx512f", "avx512_bf16"], quantize="w4a16") == ""
    assert said(tmp_path, monkeypatch, ["avx2"], quantize="w4a16", gpu=True) == ""


def test_models_run_in_float32_where_there_is_no_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = said(tmp_path, monkeypatch, ["avx2"])
    assert "float32" in note and "served" not in note


def test_what_cannot_be_served_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "w4a16 cannot be served: vLLM's INT4 kernel needs AVX-512" in said(
        tmp_path, monkeypatch, ["avx2"], quantize="w4a16"
    )
    assert "fp8 cannot be served" in said(tmp_path, monkeypatch, ["avx512f", "amx_bf16"], quantize="fp8")
