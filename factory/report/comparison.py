"""Models set against each other: which tasks each got right, two of one run, one of two runs."""

from pydantic import AwareDatetime, Field

from factory.report.measured import Measured
from factory.report.part import Count, KnownRole, Part, Share


class Outcome(Part):
    """Which held-out tasks one model got right: what a comparison of two runs pairs."""

    role: KnownRole
    artifact: str
    right: dict[str, bool] = Field(description="task id to whether its answer was right")


class Versus(Part):
    """Two models of one run on the same held-out tasks: how many only one of them got right."""

    one: KnownRole
    other: KnownRole
    shared: Count
    only_one: Count
    only_other: Count
    p: Share = Field(description="McNemar's exact test, two-sided")


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


class Comparison(Part):
    """What changed since another run."""

    name: str
    created: AwareDatetime
    recipe: list[str] = Field(
        default=[], description="lines of a unified difference; none if the text is the same"
    )
    changed: list[Changed] = []
    pairs: list[Pair] = []
