"""The published JSON Schema is the one that the models give, and it agrees with the loader."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from factory.recipe.schema import recipe_json_schema
from tests.unit.recipe.conftest import PLAIN

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(recipe_json_schema())


def test_the_published_schema_has_not_drifted() -> None:
    published = (ROOT / "schemas" / "recipe.schema.json").read_text(encoding="utf-8")
    assert published == recipe_json_schema(), (
        "run: python -m factory.recipe.schema > schemas/recipe.schema.json"
    )


def test_the_schema_is_one_and_accepts_what_loads(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in (PLAIN, *(path.read_text(encoding="utf-8") for path in (ROOT / "pipelines").glob("*.yaml"))):
        jsonschema.validate(yaml.safe_load(text), schema)


@pytest.mark.parametrize(
    "stage",
    ["sft", {"sft": {"steps": 0}}, {"distil": {"steps": 1}}, {"sft": {"steps": 1}, "distill": {"steps": 1}}],
)
def test_the_schema_refuses_a_stage_that_is_no_one_key_mapping(schema: dict[str, Any], stage: object) -> None:
    recipe = yaml.safe_load(PLAIN)
    recipe["student"]["stages"] = [stage]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(recipe, schema)


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    for model in (schema, *schema["$defs"].values()):
        assert model["description"]
        for name, key in model["properties"].items():
            # Where a key says no more than its model, the model's own description stands behind the
            # reference.
            assert key.get("description") or "$ref" in key, f"{model['title']}.{name}"
