"""Base class of all settings in a recipe: closed, frozen, strict, no NaN.

A setting that is renamed keeps its first name as `serialization_alias`: recipes with that name still work
(`factory.recipe.renamed`), and content ids still know it (`identity`).
"""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field

PATH = " Looked up from the recipe's own folder, then from each folder above it."
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]


class Settings(BaseModel):
    """Closed, unchangeable, no silent conversion (a quoted number is text), no NaN."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    def identity(self, **options: Any) -> dict[str, Any]:
        """Return the settings under the names that content ids are made of: each under its first name."""
        return self.model_dump(by_alias=True, **options)


def models_in(annotation: Any) -> set[type[BaseModel]]:
    """Return the models that a field's annotation names, inside unions and lists too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for argument in get_args(annotation) for model in models_in(argument)}
