"""What one run has to show: the data behind `report.html`, and `report.json` itself.

Promise: a `Report` read back from its own JSON is the same report. What follows from other numbers
(retention, the share of the yield, `tokens_per_s`) is computed, written to the JSON, and computed again on
reading, so the file cannot contradict itself. What was not measured is `None`, never 0. This module does not
ask where the numbers came from.
"""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    computed_field,
    model_validator,
)

Role = Literal["teacher", "base", "student", "student_quantized", "student_recovered"]


def _renamed(role: Any) -> Any:
    # As reports called it when the stage was called repair.
    return "student_recovered" if role == "student_repaired" else role


KnownRole = Annotated[Role, BeforeValidator(_renamed)]
# The one that ships is the last of these that there is.
STUDENTS: tuple[Role, ...] = ("student", "student_quantized", "student_recovered")
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """The manners of every part: closed, unchangeable, finite numbers, computed fields never taken on
    trust."""

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


class Measured(Part):
    """One model on the held-out tasks. Accuracies are shares with 95 % bootstrap bounds; speeds are generated
    tokens per second."""

    name: str
    role: KnownRole
    accuracy: Share | None = Field(
        default=None, description="the executed call's result equals the reference"
    )
    accuracy_low: Share | None = None
    accuracy_high: Share | None = None
    tool_call_accuracy: Share | None = Field(
        default=None, description="the call is the reference expression itself"
    )
    tool_call_accuracy_low: Share | None = None
    tool_call_accuracy_high: Share | None = None
    parse_rate: Share | None = Field(
        default=None, description="answers that could be read: a call, or a final answer"
    )
    held_out: Count = Field(description="tasks that the shares are taken over")
    tokens_per_s_batch_1: Positive | None = None
    tokens_per_s_batch_32: Positive | None = None
    latency_p50_s: Positive | None = Field(
        default=None, description="seconds of a request of 32 tokens that is alone, median"
    )
    latency_p95_s: Positive | None = Field(default=None, description="the same, 95th percentile")
    perplexity: Positive | None = Field(
        default=None, description="of the right answers of the held-out tasks, by token of the base"
    )
    peak_memory_bytes: Count | None = None
    weight_bytes: Count | None = None
    precision: str = Field(default="", description="of the weights, as people write it: INT8, bfloat16")
    prompting: str = Field(default="", description="one sentence: how the model was asked")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens_per_s(self) -> float | None:
        """The speed that reports quote: 32 requests at once."""
        return self.tokens_per_s_batch_32

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        for low, high in (
            (self.accuracy_low, self.accuracy_high),
            (self.tool_call_accuracy_low, self.tool_call_accuracy_high),
        ):
            if (low is None) != (high is None):
                raise ValueError("an interval needs both of its bounds")
            if low is not None and high is not None and low > high:
                raise ValueError(f"the lower bound {low} is above the upper bound {high}")
        return self


class ReasonCount(Part):
    """How often a check gave one reason code."""

    reason: str
    count: Count


class CheckYield(Part):
    """What one check let through."""

    check: str
    passed: Count
    failed: Count
    reasons: list[ReasonCount] = []


class Yield(Part):
    """What became of the answers asked for, every draw counted. A check sees only what it was given: totals
    differ between checks."""

    asked: Count = 0
    answered: Count = 0
    accepted: Count = 0
    rejected: Count = 0
    by_check: list[CheckYield] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def share(self) -> float | None:
        """Accepted samples for each answer asked for; None if nothing was asked."""
        return self.accepted / self.asked if self.asked else None


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Loss(Part):
    """One logged value of training; NaN and infinities, which JSON cannot hold, become None and are shown as
    gaps."""

    stage: str
    step: Count
    name: str = "loss"
    value: Annotated[float | None, BeforeValidator(_finite)]


class Reason(Part):
    """Why one check refused one sample."""

    check: str
    reason: str
    detail: str = ""


class Sample(Part):
    """One sample to read; every text is as the teacher or a tool wrote it and is not to be trusted."""

    sample_id: str
    language: str | None = None
    question: str
    call: str | None = None
    result: str | None = None
    answer: str | None = None
    reasons: list[Reason] = []


class Samples(Part):
    """A few samples of each fate."""

    accepted: list[Sample] = Field(default=[], max_length=12)
    rejected: list[Sample] = Field(default=[], max_length=12)


class Machine(Part):
    """Where the numbers were measured."""

    cpu: str
    cores: Count
    memory_bytes: Count
    instruction_sets: list[str] = []


class Stage(Part):
    """One stage of the run and its wall time in seconds."""

    name: str
    seconds: Annotated[float, Field(ge=0)]
    detail: str = ""


class Table(Part):
    """One statement and what it returned: the reader can ask it again and sees the same."""

    key: str
    title: str
    note: str = ""
    sql: str
    columns: list[str]
    rows: list[list[str | int | float | bool | None]]

    @model_validator(mode="after")
    def _as_wide_as_its_head(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row is not as wide as the head")
        return self


class Outcome(Part):
    """Which held-out tasks one model got right: what a comparison of two runs pairs."""

    role: KnownRole
    artifact: str
    right: dict[str, bool] = Field(description="task id to whether its answer was right")


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


class Query(Part):
    """A question to the store that the reader can ask again."""

    title: str
    sql: str


class Changed(Part):
    """One figure or fact of two runs."""

    what: str
    before: str | int | float | None
    now: str | int | float | None


class Pair(Part):
    """The models of one role in two runs, and on the tasks that both answered, how many only one of them got
    right."""

    role: KnownRole
    before: Measured
    now: Measured
    shared: Count
    only_before: Count
    only_now: Count
    p: Share | None = Field(description="McNemar's exact test, two-sided; None where no task is shared")


class Versus(Part):
    """Two models of one run on the same held-out tasks: how many only one of them got right."""

    one: KnownRole
    other: KnownRole
    shared: Count
    only_one: Count
    only_other: Count
    p: Share = Field(description="McNemar's exact test, two-sided")


class Gate(Part):
    """Whether a compressed student may ship: what it lost of the held-out tasks, and what the recipe allows;
    both as shares."""

    role: KnownRole
    accuracy_drop: float = Field(
        ge=-1, le=1, validation_alias=AliasChoices("accuracy_drop", "lost"), description="below 0: a gain"
    )
    max_accuracy_drop: Share = Field(validation_alias=AliasChoices("max_accuracy_drop", "most_lost"))
    passed: bool


class Comparison(Part):
    """What changed since another run."""

    name: str
    created: AwareDatetime
    recipe: list[str] = Field(
        default=[], description="lines of a unified difference; none if the text is the same"
    )
    changed: list[Changed] = []
    pairs: list[Pair] = []


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


class Report(Part):
    """One run, whole."""

    name: str
    created: Annotated[AwareDatetime, AfterValidator(_utc)]
    machine: Machine
    versions: dict[str, str] = {}
    models: list[Measured] = []
    yield_: Yield = Field(default=Yield(), alias="yield")
    losses: list[Loss] = []
    samples: Samples = Samples()
    stages: list[Stage] = []
    recipe: str = Field(default="", description="the exact text of the recipe")
    recipe_path: str = ""
    pedigree: dict[str, str | int | float | None] = {}
    queries: list[Query] = []
    tables: list[Table] = []
    sources: dict[str, str] = Field(default={}, description="the statement behind models and losses")
    outcomes: list[Outcome] = []
    versus: list[Versus] = []
    gates: list[Gate] = []
    trials: list[Trial] = []
    comparison: Comparison | None = None

    def table(self, key: str) -> Table | None:
        """The table of that name, if it has a row."""
        return next((table for table in self.tables if table.key == key), None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def retention(self) -> float | None:
        """The last student's accuracy over the teacher's; None if either is missing or the teacher has 0."""
        teacher = self.measured("teacher")
        student = self.shipped
        if teacher is None or student is None or student.accuracy is None or not teacher.accuracy:
            return None
        return student.accuracy / teacher.accuracy

    @property
    def shipped(self) -> Measured | None:
        """The last student that may: recovered, compressed, or as it was trained."""
        refused = {gate.role for gate in self.gates if not gate.passed}
        found = (self.measured(role) for role in reversed(STUDENTS) if role not in refused)
        return next((model for model in found if model is not None), None)

    def measured(self, role: Role) -> Measured | None:
        """The last model of a role whose accuracy is known."""
        return next(
            (model for model in reversed(self.models) if model.role == role and model.accuracy is not None),
            None,
        )
