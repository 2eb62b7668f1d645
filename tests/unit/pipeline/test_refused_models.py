"""A model that cannot be loaded is refused before any model loads, and before there is a workspace."""

from pathlib import Path

import pytest

from tests.support.command import typed
from tests.support.small_run import write_recipe


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "./no-such-model"}, "no-such-model"),
        ({"base": "./empty"}, "empty"),
        ({"model": "./without-weights"}, "weights"),
    ],
)
def test_a_wrong_model(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "without-weights").mkdir()
    (tmp_path / "without-weights" / "config.json").write_text("{}")
    done = typed("run", write_recipe(tmp_path, **changes), "-w", tmp_path / "w")
    assert done.returncode == 2 and said in done.stderr
    assert not (tmp_path / "w").exists()


def test_too_little_memory(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text() + "\nlimits: {memory_gb: 0.5}\n")
    done = typed("run", recipe, "-w", tmp_path / "w")
    assert done.returncode == 1 and "memory_gb" in done.stderr and not (tmp_path / "w").exists()
