"""What was measured of one model: a row for each metric."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from factory.report.part import Count, KnownRole, Part
from factory.tasks.kind import MAIN


class MetricRow(Part):
    """One metric of one model: the stored name, the label that people read, the value in its unit, its 95 %
    interval if it has one, and how many tasks or repetitions it rests on."""

    name: str
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = Field(default="", description="share (of 1), bytes, s, or what is written behind the number")
    n: Count
    better: Literal["higher", "lower"] = "higher"
    under: str = Field(default="", description="name of the metric below which this one is written")
    note: str = Field(default="", description="a sentence for those who do not know the metric")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval needs both of its bounds")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"the lower bound {self.low} is above the upper bound {self.high}")
        shares = (self.value, self.low, self.high) if self.unit == "share" else ()
        if any(share is not None and not 0 <= share <= 1 for share in shares):
            raise ValueError(f"{self.name} is a share, from 0 to 1")
        return self


class Measured(Part):
    """One model on the held-out tasks, with a row for each metric that it has."""

    name: str
    role: KnownRole
    metrics: list[MetricRow] = []
    precision: str = Field(default="", description="of the weights, as people write it: INT8, bfloat16")
    prompting: str = Field(default="", description="one sentence: how the model was asked")

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len({row.name for row in self.metrics}) < len(self.metrics):
            raise ValueError(f"{self.name} has a metric twice")
        return self

    def metric(self, name: str) -> MetricRow | None:
        """The row of a metric, None if it was not measured."""
        return next((row for row in self.metrics if row.name == name), None)

    def value(self, name: str) -> float | None:
        """The value of a metric, None if it was not measured."""
        return None if (row := self.metric(name)) is None else row.value

    @property
    def main(self) -> MetricRow | None:
        """The share of the held-out tasks that it answered rightly or, where no answer is the right one, of
        those in which a judge preferred its answer."""
        return next((row for name in MAIN if (row := self.metric(name)) is not None), None)

    @property
    def tokens_per_s(self) -> float | None:
        """The speed that reports quote: 32 requests at once."""
        return self.value("tokens_per_s_batch_32")


class Column(Part):
    """A column of the models' table: the metric that heads it, and those that are written below it."""

    head: MetricRow
    below: list[MetricRow]


def columns(models: Sequence[Measured]) -> list[Column]:
    """Return a column for each metric that any model has; one whose head was never measured is its own."""
    found = {row.name: row for model in models for row in model.metrics}
    heads = [row for row in found.values() if row.under not in found]
    return [
        Column(head=head, below=[row for row in found.values() if row.under == head.name]) for head in heads
    ]
