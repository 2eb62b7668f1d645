"""Each model is measured within the positions it was made for, and one without a template in that of its
student."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.evaluate.stage import EvaluateStage
from tests.support.recipes import write_project
from tests.support.scripted import load, opened


def _engine(folder: Path, monkeypatch: pytest.MonkeyPatch, **values: Any) -> dict[str, Any]:
    """Return what the engine of the base is made with, where the base's configuration has these values."""
    config = folder / "base" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | values))
    made: list[dict[str, Any]] = []
    monkeypatch.setattr("factory.inference.engine.Engine", lambda _, **given: made.append(given))
    monkeypatch.setattr("factory.evaluate.measure.measure", lambda *_, **__: "measured")
    plan = load(folder)
    with opened(plan) as store:
        assert EvaluateStage().run(plan, store, "base") == "measured"
    return made[0]


@pytest.mark.parametrize("positions", [256, 512, 2047, 2048, 8192, None])
def test_the_smaller_of_both_lengths_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, positions: int | None
) -> None:
    write_project(tmp_path, "repair")
    length = _engine(tmp_path, monkeypatch, max_position_embeddings=positions)["max_model_len"]
    whole = load(tmp_path).run.loaded.recipe.teacher.max_model_len
    assert length == min(whole, positions or whole)


@pytest.mark.parametrize("has_template", [True, False])
def test_a_base_without_a_template_is_asked_in_its_students(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_template: bool
) -> None:
    write_project(tmp_path, "repair")
    if has_template:
        (tmp_path / "base" / "chat_template.jinja").write_text("{{ messages }}")
    given = _engine(tmp_path, monkeypatch)
    assert ("chat_template" in given) is not has_template
    assert given.get("turn_end", "<|im_end|>") == "<|im_end|>"
