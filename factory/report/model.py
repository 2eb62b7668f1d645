"""Data of a report: what is behind `report.html`, and `report.json` itself.

Promise: a `Report` read back from its own JSON is the same report. What follows from other numbers
(retention, the share of the yield) is computed, written to the JSON, and computed again on
reading, so the file cannot contradict itself. What was not measured is `None`, never 0. It does not
ask where the numbers came from.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, computed_field

from factory.report.choice import Gate, Trial
from factory.report.comparison import Comparison, Outcome, Versus
from factory.report.measured import Measured
from factory.report.part import Part, Role
from factory.report.query import Query, Table
from factory.report.run import Loss, Machine, Stage
from factory.report.sample import Samples
from factory.report.yields import Yield

# The one that ships is the last of these that there is.
STUDENTS: tuple[Role, ...] = ("student", "student_quantized", "student_recovered")


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
        """The last student's accuracy over the teacher's; None if either is missing or the teacher has 0,
        or where there is no accuracy."""
        teacher = self.measured("teacher")
        student = self.shipped
        if teacher is None or student is None:
            return None
        over, under = student.value("answer_accuracy"), teacher.value("answer_accuracy")
        return over / under if over is not None and under else None

    @property
    def shipped(self) -> Measured | None:
        """The last student that may: recovered, compressed, or as it was trained."""
        refused = {gate.role for gate in self.gates if not gate.passed}
        found = (self.measured(role) for role in reversed(STUDENTS) if role not in refused)
        return next((model for model in found if model is not None), None)

    def measured(self, role: Role) -> Measured | None:
        """The last model of a role whose accuracy, or preference, is known."""
        return next(
            (model for model in reversed(self.models) if model.role == role and model.main is not None),
            None,
        )
