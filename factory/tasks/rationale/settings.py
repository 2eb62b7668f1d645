"""Settings of rationales: which right ones of a question are kept, and what reasoning weighs in training."""

from typing import Annotated, Literal

from pydantic import Field

from factory.tasks.settings import DataSettings

_MAX_KEPT = {"shortest": 1, "diverse": 3}
Weight = Annotated[float, Field(gt=0, le=100)]


class RationaleData(DataSettings):
    """A question, the reasoning, the final answer."""

    kind: Literal["rationale"] = Field(description="What a sample is.")
    keep: Literal["shortest", "diverse", "all"] = Field(
        default="shortest",
        description="Which right rationales of a question stay: the shortest, several different ones, "
        "or all of them.",
    )
    max_kept: int | None = Field(
        default=None,
        ge=1,
        le=64,
        serialization_alias="most",
        description="How many rationales of one question are kept. Empty: 1 of the shortest, 3 of diverse "
        "ones. Not with keep: all.",
    )
    rationale_weight: Weight = Field(
        default=1.0,
        description="What a training row of the task rationale weighs in an export, "
        "where one of the task label weighs 1.",
    )

    answer_mark: str | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="What the teacher writes before its final answer, such as 'RESULT =>', beside the marks "
        "that are known: Answer:, \\boxed{}, ####, and their like in other languages. Empty: those alone.",
    )

    @property
    def kept_limit(self) -> int | None:
        """How many rationales of one question stay at most; None where all of them do."""
        return None if self.keep == "all" else self.max_kept or _MAX_KEPT[self.keep]
