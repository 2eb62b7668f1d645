"""Models as they are published: what does not suit a recipe is told before anything is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.chat_formats.hermes import Hermes
from factory.errors import InputError
from factory.pipeline.preflight import preflight
from tests.support.recipes import write_project
from tests.support.scripted import load


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a recipe whose teacher and base are models for conversations."""
    write_project(tmp_path, "repair")
    (tmp_path / "teacher" / "chat_template.jinja").write_text("{{ messages }}")
    tokenizer = tmp_path / "base" / "tokenizer.json"
    tokens = [{"id": 3 + place, "content": token} for place, token in enumerate(Hermes.needed_tokens)]
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text()) | {"added_tokens": tokens}))
    return tmp_path


def _configure(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _refused(folder: Path, stage: str) -> str:
    with pytest.raises(InputError) as caught:
        preflight(load(folder), (stage,))
    assert str(folder / "recipe.yaml") in caught.value.message
    return str(caught.value)


def test_a_teacher_without_a_chat_template_is_not_asked(project: Path) -> None:
    (project / "teacher" / "chat_template.jinja").unlink()
    told = _refused(project, "generate")
    assert "teacher.model: " in told and "has no chat template" in told and "-instruct" in told


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("chat_template.jinja", ""),
        ("chat_template.json", '{"chat_template": "{{ messages }}"}'),
        ("tokenizer_config.json", '{"chat_template": [{"name": "rag", "template": "{{ messages }}"}]}'),
        ("tokenizer_config.json", '{"chat_template": " "}'),
    ],
)
def test_what_no_question_can_be_put_with_is_no_template(project: Path, file: str, content: str) -> None:
    (project / "teacher" / "chat_template.jinja").unlink()
    (project / "teacher" / file).write_text(content)
    assert "has no chat template: nothing can be asked of it" in _refused(project, "generate")


def test_a_teacher_is_not_asked_beyond_its_positions(project: Path) -> None:
    length = load(project).run.loaded.recipe.teacher.max_model_len
    _configure(project / "teacher", max_position_embeddings=length)
    preflight(load(project), ("generate",))
    _configure(project / "teacher", max_position_embeddings=length - 1)
    told = _refused(project, "generate")
    assert f"teacher.max_model_len: {length:,} tokens" in told and f"Write {length - 1} or less." in told


@pytest.mark.parametrize("method", ["compressed-tensors", "fp8", "awq", "gptq", "bitsandbytes"])
def test_a_quantized_base_is_not_trained(project: Path, method: str) -> None:
    _configure(project / "base", quantization_config={"quant_method": method})
    told = _refused(project, "distill")
    assert f"student.base: base: its weights are quantized ({method})" in told
    assert "Name the model that it was made from" in told


@pytest.mark.parametrize("lacking", ["<|im_start|>", "<|im_end|>"])
def test_a_base_that_cannot_write_the_turns_is_not_trained(project: Path, lacking: str) -> None:
    tokenizer = project / "base" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace(json.dumps(lacking), '"<else>"'))
    told = _refused(project, "distill")
    assert (
        f"does not know {lacking}" in told
        and "another student.format: hermes, gemma, llama3, mistral, own" in told
    )
