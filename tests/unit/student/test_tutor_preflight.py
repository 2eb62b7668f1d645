"""A tutor that cannot teach the student, or cannot be compared with it, is refused at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.student.preflight import require_tutor
from tests.support.recipes import write_model
from tests.support.scripted import load, project

WATCHED = {"share": 0.2, "every": 1}


def _check(folder: Path, seeds: int = 50, validation: dict[str, Any] | None = None, **changed: Any) -> None:
    """Look at a project with a tutor, in whose config or tokenizer something may be `changed`."""
    for name in ("base", "tutor"):
        write_model(folder / name, name)
    for name, more in changed.items():
        path = folder / "tutor" / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
    stage = {"steps": 1} | ({"validation": validation} if validation else {})
    student = {"base": "base", "stages": [{"distill": stage}], "tutor": {"base": "tutor", "steps": 1}}
    project(folder, "tool_call", "count: 4", more=f"student: {json.dumps(student)}\n")
    require_tutor(load(folder).run, seeds)


def test_a_tutor_of_the_bases_family_teaches(tmp_path: Path) -> None:
    _check(tmp_path)


def test_with_few_seeds_some_have_to_be_set_aside_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of 39 none is set aside") as caught:
        _check(tmp_path, 39)
    assert "validation: {share: 0.2}" in caught.value.hint
    _check(tmp_path, 39, WATCHED)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"tokenizer": {"version": "2.0"}}, "tutor and the student's base base have different tokenizers"),
        (
            {"config": {"quantization_config": {"quant_method": "awq"}}},
            "the weights of tutor are quantized",
        ),
    ],
)
def test_a_tutor_has_the_students_tokens_and_weights_to_train(
    tmp_path: Path, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(InputError, match=why) as caught:
        _check(tmp_path, **changed)
    assert caught.value.hint
