"""Whether teacher and student speak in the same tokens is known, and told, before either is loaded."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tokenizers import AddedToken

from factory.errors import InputError
from factory.pipeline.preflight import preflight
from tests.support import tiny
from tests.support.scripted import load, project

STAGES = {"distill": "stages: [{distill: {steps: 2}}]", "sft": "stages: [{sft: {steps: 2}}]"}


def _models(folder: Path, *, word: str, vocabulary: int) -> None:
    """Write a teacher and a base; the base's tokenizer has one more word, and its vocabulary may be
    padded."""
    for name, more, size in (
        ("teacher", [], tiny.VOCABULARY + 8),
        ("base", [word] if word else [], vocabulary),
    ):
        tokenizer = tiny.tokenizer()
        ends = [AddedToken(token, special=True) for token in ("<|im_start|>", "<|im_end|>")]
        tokenizer.add_tokens([*ends, *more])
        tokenizer.chat_template = "{{ messages }}"
        tokenizer.save_pretrained(folder / name)
        tiny.model(1, vocabulary=size).save_pretrained(folder / name)


def _recipe(folder: Path, stage: str) -> None:
    path = project(
        folder, "tool_call", "count: 4", more=f"student: {{base: {folder}/base, {STAGES[stage]}}}\n"
    )
    head, _, rest = path.read_text().partition("teacher: ")
    path.write_text(f"{head}teacher: {{model: {folder}/teacher}}\n{rest.partition(chr(10))[2]}")


def test_different_tokenizers_are_refused_with_the_alternatives(tmp_path: Path) -> None:
    _models(tmp_path, word="another", vocabulary=tiny.VOCABULARY + 8)
    _recipe(tmp_path, "distill")
    with pytest.raises(
        InputError, match="have different tokenizers, so their distributions cannot be compared"
    ) as caught:
        preflight(load(tmp_path), ("distill",))
    assert "train with sft alone" in caught.value.hint
    # On the teacher's text alone the tokens may differ.
    _recipe(tmp_path, "sft")
    preflight(load(tmp_path), ("distill",))


def test_one_tokenizer_with_vocabularies_padded_differently_is_let_through(tmp_path: Path) -> None:
    _models(tmp_path, word="", vocabulary=tiny.VOCABULARY + 72)
    _recipe(tmp_path, "distill")
    preflight(load(tmp_path), ("distill",))
