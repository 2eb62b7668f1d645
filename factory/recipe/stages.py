"""Stages of training, as a recipe lists them: each item is {NAME: settings}.

A new one is a class of settings (`factory.recipe.training`) in a file of its own, an item here with its place
in `STAGES`, and its trainer in the table of `factory.student.stage_trainers`.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Union

from pydantic import Discriminator, Field, Tag

from factory.recipe.align import Align
from factory.recipe.distill import Distill
from factory.recipe.training import Sft, Taught, Training
from factory.system.settings import Settings


class Stage(Settings):
    """One item of `stages`: its only key is its name."""

    key: ClassVar[str]

    @property
    def name(self) -> str:
        """The stage's name, which also begins that of its adapter."""
        return self.key

    @property
    def settings(self) -> Training:
        """What the name refers to."""
        settings: Training = getattr(self, self.key)
        return settings

    @property
    def distillation(self) -> Distill | None:
        """What is learnt from a teacher, as settings of distillation; None: nothing is."""
        return None

    @property
    def taught(self) -> Taught | None:
        """The settings, where a teacher is learnt from beside the answers."""
        return self.settings if isinstance(self.settings, Taught) else None


class SftStage(Stage):
    """One item of `stages`: {sft: ...}."""

    key = "sft"
    sft: Sft = Field(description="Supervised fine-tuning on the accepted answers.")


class AlignStage(Stage):
    """One item of `stages`: {align: ...}."""

    key = "align"
    align: Align = Field(description="Hidden states drawn towards the teacher's.")

    @property
    def distillation(self) -> Distill:
        """The same as settings of distillation."""
        return self.align.as_distill()


class DistillStage(Stage):
    """One item of `stages`: {distill: ...}."""

    key = "distill"
    distill: Distill = Field(description="Distillation from the teacher's distribution.")

    @property
    def distillation(self) -> Distill:
        """The stage's settings."""
        return self.distill


STAGES: dict[str, type[Stage]] = {stage.key: stage for stage in (SftStage, AlignStage, DistillStage)}
MOST = 16  # stages in one recipe


def labels(stages: tuple[Stage, ...]) -> list[str]:
    """Return what to call each stage: its name, and a number from the second of a name on."""
    names = [stage.name for stage in stages]
    seen = [names[:place].count(name) + 1 for place, name in enumerate(names)]
    return [name if count == 1 else f"{name} {count}" for name, count in zip(names, seen, strict=True)]


def _name(value: Any) -> str | None:
    if isinstance(value, Stage):
        return value.key
    return next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None


if TYPE_CHECKING:
    TrainingStage = Stage
else:
    TrainingStage = Annotated[
        Union[tuple(Annotated[stage, Tag(name)] for name, stage in STAGES.items())],  # noqa: UP007
        Discriminator(
            _name,
            custom_error_type="stage",
            custom_error_message=f"must have exactly one key: {', '.join(STAGES)}",
        ),
    ]
