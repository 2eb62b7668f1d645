"""The table of adapters: what recipes and their rules take from it."""

from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import pytest

from factory.adapters.adapter import Adapter
from factory.adapters.kinds import ADAPTERS, DEFAULT
from factory.errors import InputError
from factory.recipe import load_recipe
from factory.recipe.student import Student

RECIPE = """
name: toy
teacher: {model: SmolLM2-135M-Instruct}
data: {kind: tool_call, seeds: seeds.jsonl, tools: tools.json, count: 8}
student:
  base: SmolLM2-135M-Instruct
  precision: bfloat16
  adapter: {kind: toy}
  stages: [{sft: {steps: 4}}]
search: {rank: [4, 8]}
evaluate: {held_out: held_out.jsonl}
"""


class Toy(Adapter):
    """An adapter without a rank that trains the base's own weights."""

    float32: ClassVar[bool] = True

    kind: Literal["toy"]

    def wrap(self, model: Any, tokenizer: Any) -> Any:
        return model

    def resume(self, model: Any, trained: Path) -> Any:
        return model

    def merge(self, model: Any, trained: Path, tokenizer: Any) -> Any:
        return model


@pytest.mark.parametrize("kind", ADAPTERS)
def test_a_recipe_names_an_adapter_by_its_place_in_the_table(kind: str) -> None:
    stages = [{"sft": {"steps": 4}}]
    student = Student.model_validate({"base": "b", "adapter": {"kind": kind}, "stages": stages})
    assert type(student.adapter) is ADAPTERS[kind]
    assert get_args(type(student.adapter).model_fields["kind"].annotation) == (kind,)
    assert student.adapter.model_dump()["kind"] == kind


def test_the_first_of_the_table_is_the_default() -> None:
    student = Student.model_validate({"base": "b", "adapter": {}, "stages": [{"sft": {"steps": 4}}]})
    assert type(student.adapter) is ADAPTERS[DEFAULT]


def test_the_rules_ask_the_class_and_know_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ADAPTERS, "toy", Toy)
    for name in ("seeds.jsonl", "tools.json", "held_out.jsonl"):
        (tmp_path / name).write_text("")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "recipe.yaml")
    assert "student.precision: all weights are trained in float32" in caught.value.message
    assert "search.rank: only with an adapter of kind lora" in caught.value.message
