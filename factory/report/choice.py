"""Decisions about compressed students: the accuracy gate, and what a search tried."""

from pydantic import AliasChoices, Field

from factory.report.part import Count, KnownRole, Part, Positive, Share


class Gate(Part):
    """The accuracy gate of a compressed student: what it lost of the held-out tasks, and what the recipe
    allows; both as shares."""

    role: KnownRole
    accuracy_drop: float = Field(
        ge=-1, le=1, validation_alias=AliasChoices("accuracy_drop", "lost"), description="below 0: a gain"
    )
    max_accuracy_drop: Share = Field(validation_alias=AliasChoices("max_accuracy_drop", "most_lost"))
    passed: bool


class Trial(Part):
    """One combination that a search tried, with what came out of it, or why nothing did."""

    number: Count
    choice: str
    accuracy: Share | None = None
    weight_bytes: Count | None = None
    latency_p50_s: Positive | None = None
    fits: bool = Field(default=True, description="within the limits of the search")
    failure: str = ""
    recipe: str = Field(description="the recipe that makes the same student, below the workspace")
