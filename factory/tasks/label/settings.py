"""Settings of labels: which there are, what each means, what is to be decided."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from factory.chat_formats.control_token import control_token
from factory.tasks.settings import DataSettings

FEWEST, MOST, LONGEST = 2, 200, 100
_NAME = {"type": "string", "minLength": 1, "maxLength": LONGEST}
_FORM = {
    "anyOf": [
        {"type": "array", "items": _NAME, "minItems": FEWEST, "maxItems": MOST, "uniqueItems": True},
        {
            "type": "object",
            "propertyNames": _NAME,
            "additionalProperties": {"type": ["string", "null"]},
            "minProperties": FEWEST,
            "maxProperties": MOST,
        },
    ]
}


def by_name(value: Any) -> Any:
    """Return labels with their meanings, "" where none is written; raise what pydantic tells a person where
    they are no labels."""
    if not isinstance(value, list | dict):
        raise _fault("must be a list of labels, or a mapping from each label to what it means")
    for name in value:
        if not isinstance(name, str):
            raise _fault(f"the label {name!r} is no text; write it in quotes")
        if not name or name != name.strip() or len(name) > LONGEST or not name.isprintable():
            raise _fault(f"the label {name[:LONGEST]!r} is empty, too long, or has spaces or lines around it")
        if token := control_token(name):
            raise _fault(f"a label holds {token}, which would end the turn")
    if len(set(value)) < len(value):
        raise _fault("a label is named twice")
    if not FEWEST <= len(value) <= MOST:
        raise _fault(f"from {FEWEST} to {MOST} labels, not {len(value)}")
    if isinstance(value, list):
        return dict.fromkeys(value, "")
    return {name: "" if meaning is None else meaning for name, meaning in value.items()}


def _fault(message: str) -> PydanticCustomError:
    return PydanticCustomError("labels", "{message}", {"message": message})


Labels = Annotated[dict[str, str], BeforeValidator(by_name), WithJsonSchema(_FORM)]


class LabelData(DataSettings):
    """A text, and which of the labels it has."""

    kind: Literal["label"] = Field(description="What a sample is.")
    labels: Labels = Field(
        description="The labels: a list, or a mapping from each label to a sentence that says what it means."
    )
    task: str = Field(
        default="", max_length=1000, description="One sentence that says what is to be decided of a text."
    )
    new_texts: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="How many new texts the teacher writes, after seeds of each label in turn; kept where it "
        "reads the same label in the text alone.",
    )
