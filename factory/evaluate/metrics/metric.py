"""A metric, one measurement of it, and what a file of this folder has to bring: a `Family`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from factory.context.plan import Plan
from factory.evaluate.candidate import Candidate
from factory.inference.request import Model
from factory.tasks.sample import Task
from factory.tasks.scorer import Scorer

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """How a figure is named and read.

    `name` is what the store holds and never changes. `unit` is "share" (of 1), "bytes", "s" or any text that
    may follow a number, "" for none. `under` is the name of another metric, below which the report
    writes this one instead of giving it a column. `note` is a sentence for those who do not know the metric.
    """

    name: str
    label: str
    unit: str
    better: Better
    under: str = ""
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """One measured value, the bounds of its 95 % interval if it has one, and how many tasks or repetitions it
    rests on."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Evaluation:
    """One model under evaluation, once it has answered; `predictions` has the store's row of each task."""

    plan: Plan
    scorer: Scorer
    candidate: Candidate
    tasks: Sequence[Task]
    model: Model
    predictions: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Family:
    """Metrics that are measured together.

    `measure` returns those that this model has, by name. `local`: only of a model that runs in this process,
    not of one behind a server. `by_source`: they depend on the tasks, so that each source of data that is
    measured has its own. `named` returns the metric of a name that only a recipe's data gives it, None for
    one that is not of the family.
    """

    metrics: tuple[Metric, ...]
    measure: Callable[[Evaluation], Mapping[str, Measurement]]
    local: bool = True
    by_source: bool = False
    named: Callable[[str], Metric | None] | None = None
