"""Base class of all settings in a recipe: closed, frozen, strict, no NaN."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PATH = " Looked up from the recipe's own folder, then from each folder above it."
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]


class Settings(BaseModel):
    """Closed, unchangeable, no silent conversion (a quoted number is text), no NaN."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )
