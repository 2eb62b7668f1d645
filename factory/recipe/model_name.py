"""How a recipe names a model: the type, the pattern of a pinned revision, what the editor says of both."""

from typing import Annotated

from pydantic import Field

from factory.models import bundled

BUNDLED = tuple(bundled.BUNDLED)
REVISION = r"^[0-9a-f]{40}$"

ModelName = Annotated[str, Field(min_length=1, max_length=4096)]

MODEL = "A bundled name (" + ", ".join(BUNDLED) + "), a Hugging Face id (org/name), or a local folder."
PINNED = "The commit of a Hugging Face id: 40 hexadecimal digits. Only for a Hugging Face id."
