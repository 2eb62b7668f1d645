"""Settings of fields: the schema that says which there are, what is to be looked for."""

import warnings
from typing import Literal

from pydantic import Field

from factory.system.settings import PATH, FilePath
from factory.tasks.settings import DataSettings

with warnings.catch_warnings():
    # pydantic has a method of this name, which it deprecates itself; nobody calls it here.
    warnings.filterwarnings("ignore", 'Field name "schema"', UserWarning)

    class ExtractData(DataSettings):
        """A text, and the fields that it holds."""

        kind: Literal["extract"] = Field(description="What a sample is.")
        schema: FilePath = Field(  # type: ignore[assignment]
            description="JSON Schema of the fields, an object: a JSON file." + PATH
        )
        task: str = Field(
            default="", max_length=1000, description="One sentence that says what is to be found in a text."
        )
