"""What a stage of training is among the others: its name in the log, its learning rates, the order of its
rows, what is looked at, and whether the optimizer goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from factory.context.lineage import Planned
from factory.context.run import Run
from factory.models.resolve import ModelSource
from factory.recipe.stages import SftStage, Stage, labels
from factory.recipe.student import Student
from factory.recipe.training import Training, Validation
from factory.recipe.tutor import Tutor
from factory.seeds.split import VALIDATION, side
from factory.student.learning_rate import Rate, rates
from factory.student.preflight import FEWEST_SEEDS


class Row(Protocol):
    """What is asked of a row to find out which stage learns it."""

    @property
    def sample_id(self) -> str: ...
    @property
    def seed(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def task(self) -> str: ...


@dataclass(frozen=True)
class StagePlan:
    """A stage and its place. `seed` is that of the order of its rows, `set_aside` the share of the seeds that
    no stage learns; `by_default`: validation is not what the recipe asks for, `goes_on`: with the optimizer
    of the stage before, `leaves`: its own to the next one."""

    stage: Stage
    name: str
    rate: Rate
    seed: int
    validation: Validation | None
    by_default: bool
    set_aside: float
    teacher: ModelSource
    has_tutor: bool = False
    goes_on: bool = False
    leaves: bool = False

    @property
    def settings(self) -> Training:
        return self.stage.settings

    def learns(self, row: Row) -> bool:
        """Whether a row is among those that the stage names."""
        settings = self.settings
        return (not settings.sources or row.source in settings.sources) and (
            not settings.lessons or row.task in settings.lessons
        )


def set_aside_share(student: Student, rows: Sequence[Row]) -> float:
    """Return the share of the seeds that no stage learns: what the recipe says, else a tenth where there are
    seeds enough."""
    if not student.watches_by_default:
        return student.validation_share
    seeds, share = {row.seed for row in rows}, Validation().share
    enough = len(seeds) >= FEWEST_SEEDS and any(side(seed, share) == VALIDATION for seed in seeds)
    return share if enough else 0.0


def stage_plans(run: Run, rows: Sequence[Row], tutor: Planned | None = None) -> list[StagePlan]:
    """Return the plan of each stage of the recipe's student, which learns from `rows`; those that `tutor`
    teaches learn from that model."""
    student = run.student
    one, share = student.schedule == "one", set_aside_share(student, rows)
    each = rates([stage.settings for stage in student.stages], one=one)
    last = len(student.stages) - 1
    return [
        StagePlan(
            stage,
            name,
            rate,
            run.loaded.recipe.seed + place,
            *_watching(student, stage.settings, share),
            _aside(run, share),
            _tutor(run, tutor) if tutor and student.has_tutor(stage) else run.teacher,
            has_tutor=student.has_tutor(stage),
            goes_on=one and place > 0,
            leaves=one and place < last,
        )
        for place, (stage, name, rate) in enumerate(
            zip(student.stages, labels(student.stages), each, strict=True)
        )
    ]


def tutor_plan(run: Run, tutor: Tutor, rows: Sequence[Row]) -> StagePlan:
    """Return the plan of what the tutor itself learns."""
    share = set_aside_share(run.student, rows)
    (rate,) = rates([tutor], one=False)
    return StagePlan(
        SftStage(sft=tutor),
        "tutor",
        rate,
        run.loaded.recipe.seed,
        *_watching(run.student, tutor, share),
        share,
        run.teacher,
    )


def _watching(student: Student, settings: Training, share: float) -> tuple[Validation | None, bool]:
    """Return how a stage is looked at, and whether nobody asked for it."""
    if not student.watches_by_default or not share:
        return settings.validation, False
    usual = Validation()
    return usual.model_copy(update={"every": min(usual.every, settings.steps)}), True


def _aside(run: Run, share: float) -> float:
    return max(share, run.student.calibration.share) if run.labels else share


def _tutor(run: Run, tutor: Planned) -> ModelSource:
    return ModelSource(tutor.name, tutor.artifact_id, run.workspace.models / tutor.name)
