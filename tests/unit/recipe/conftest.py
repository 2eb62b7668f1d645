"""A folder with the files that a recipe names, and a recipe in it that a test can bend."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from factory.errors import InputError
from factory.recipe import load_recipe

PLAIN = """\
name: tiny
teacher:
  model: smollm2-135m-instruct
data:
  kind: tool_call
  seeds: data/seeds.jsonl
  tools: data/tools.json
  count: 4
student:
  base: smollm2-135m-instruct
  stages:
    - sft: {steps: 2}
    - distill: {steps: 1}
evaluate:
  held_out: data/held_out.jsonl
"""

TOOLS = Path(__file__).parents[3] / "data" / "tools" / "calculator.json"
Write = Callable[[str], Path]
Bend = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text as a recipe beside its data files and return its path."""
    (tmp_path / "data").mkdir()
    for name, number in (("seeds.jsonl", 1), ("held_out.jsonl", 2)):
        row = f'{{"question": "What is {number} + 1?", "reference": "{number} + 1"}}\n'
        (tmp_path / "data" / name).write_text(row)
    (tmp_path / "data" / "tools.json").write_bytes(TOOLS.read_bytes())

    def write_text(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


@pytest.fixture
def bend(write: Write) -> Bend:
    """Write the plain recipe with changes at dotted places (`None` as value of a key removes it) and return
    its path."""

    def write_changed(changes: dict[str, object]) -> Path:
        value = yaml.safe_load(PLAIN)
        for where, new in changes.items():
            *parents, key = where.split(".")
            inner = value
            for parent in parents:
                inner = inner.setdefault(parent, {})
            if new is None:
                inner.pop(key, None)
            else:
                inner[key] = new
        return write(yaml.safe_dump(value, sort_keys=False))

    return write_changed


def faults(path: Path) -> list[str]:
    """Return the faults of a recipe, one a line, without the file's name: `LINE: where: message`."""
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    lines = caught.value.message.splitlines()
    assert all(line.startswith(f"{path}:") for line in lines), lines
    return [line.removeprefix(f"{path}:").strip() for line in lines]
