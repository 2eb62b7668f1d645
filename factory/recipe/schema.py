"""The recipe as a JSON Schema, for editors that complete and check while one types.

Promise: the same text for the same models; `schemas/recipe.schema.json` is this text, and a test keeps it so.
`python -m factory.recipe.schema > schemas/recipe.schema.json` writes it.
Not in it: what only `load_recipe` sees, files that must exist and rules between fields.
"""

import json
import sys

from factory.recipe.model import Recipe


def recipe_json_schema() -> str:
    """Return the schema as indented JSON, keys in the order of the models, with a final newline."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(recipe_json_schema())
