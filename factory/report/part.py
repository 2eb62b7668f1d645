"""The base class of every part of a report, and the small types that parts share."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _role(value: Any) -> Any:
    # As reports called it when the stage was called repair.
    return "student_recovered" if value == "student_repaired" else value


Role = Literal["teacher", "base", "student", "student_quantized", "student_recovered"]
KnownRole = Annotated[Role, BeforeValidator(_role)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """Base class of every part: strict, frozen, no NaN; computed fields are computed again on reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )

    @model_validator(mode="before")
    @classmethod
    def _compute_again(cls, data: Any) -> Any:
        return (
            {key: value for key, value in data.items() if key not in cls.model_computed_fields}
            if isinstance(data, dict)
            else data
        )
