"""Settings that every stage of training shares."""

from typing import Annotated, Any, Literal

from pydantic import Field

from factory.system.settings import Settings

Tracker = Literal["trackio", "wandb", "mlflow", "tensorboard"]
Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(strict=False)]


def _nothing(value: Any) -> bool:
    return not value


class Validation(Settings):
    """Samples that are set aside and looked at now and then; the student that does best on them is kept."""

    share: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="Share of the seeds whose samples are set aside; no other stage learns from them.",
    )
    every: int = Field(
        default=20,
        ge=1,
        description="Steps between two looks; a checkpoint is saved at each, in place of save_every.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Validations in a row without improvement after which the stage ends. "
        "Empty: it runs to its end.",
    )


class Training(Settings):
    """Steps, speed and memory of a stage of training."""

    steps: int = Field(ge=1, le=1_000_000, description="Optimizer steps.")
    batch_size: int = Field(default=16, ge=1, le=1024, description="Samples in one step.")
    learning_rate: float = Field(
        default=1e-3, gt=0, le=1, description="Highest learning rate, reached after the warm-up."
    )
    warmup: float = Field(
        default=0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises."
    )
    save_every: int = Field(default=20, ge=1, description="Steps between checkpoints: what a crash may cost.")
    call_weight: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="What a token of a tool call counts, where any other counts 1. Only for kind: tool_call.",
    )
    validation: Validation | None = Field(
        default=None,
        serialization_alias="watch",
        description="Set samples aside, and keep the student that has most of them right to the letter, "
        "among equals the one with the lowest cross-entropy; the one from before the first step too. Where "
        "no stage has this key and there are seeds enough, a tenth of them is set aside and looked at. null: "
        "all are learnt from, and the last student is kept.",
    )
    group_by_length: bool = Field(
        default=False, description="Put samples of like length into one step: less padding, less chance."
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="Keep fewer intermediate results and work them out again: less memory, a third more "
        "time.",
    )
    # Both are in no id where they say nothing: students are older than the choice.
    sources: Names = Field(
        default=(),
        max_length=64,
        exclude_if=_nothing,
        description="Names of the sources of data that it learns. Empty: all. Only where data is a list.",
    )
    lessons: Names = Field(
        default=(),
        max_length=8,
        exclude_if=_nothing,
        description="Which rows of a sample it learns, where a kind makes several: label or rationale. "
        "Empty: all.",
    )

    def epochs(self, rows: int) -> float:
        """Return how often each of so many rows is learnt."""
        return self.steps * self.batch_size / max(rows, 1)


class Taught(Training):
    """A stage that learns from a teacher beside the answers."""

    teacher_model: Literal["teacher", "tutor"] | None = Field(
        default=None,
        exclude_if=lambda model: model is None,
        description="Who is learnt from: the recipe's teacher, or student.tutor. Empty: the tutor where "
        "there is one, unless teacher is stored.",
    )


class Sft(Training):
    """Supervised fine-tuning: learn the accepted answers."""


class CalibrationSettings(Settings):
    """Label probabilities made true on set-aside seeds, and from which one on a student answers by itself."""

    share: float = Field(
        default=0.15,
        gt=0,
        le=0.5,
        description="Share of the seeds that no stage learns from, and whose texts calibrate; at least what "
        "validation sets aside.",
    )
    defer_error: float = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="Share of wrong labels among those that the student answers by itself: on the set-aside "
        "texts the lowest probability is found from which on it has no more. See factory serve --defer.",
    )
