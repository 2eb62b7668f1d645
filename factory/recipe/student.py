"""Who learns, and how: the keys of `student`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from factory.adapters.kinds import AnyAdapter
from factory.adapters.lora import Lora
from factory.chat_formats.auto import AUTO
from factory.chat_formats.formats import DEFAULT as USUAL_FORMAT
from factory.chat_formats.formats import FORMATS
from factory.recipe.model_name import MODEL, PINNED, REVISION, ModelName
from factory.recipe.prune import Prune
from factory.recipe.stages import MOST, SftStage, Stage, TrainingStage
from factory.recipe.training import CalibrationSettings, Tracker, Training
from factory.recipe.tutor import Tutor
from factory.system.settings import Settings

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[AUTO, *FORMATS]


class Student(Settings):
    """Who learns, and how."""

    base: ModelName = Field(description="The model that learns. " + MODEL)
    revision: str | None = Field(default=None, pattern=REVISION, description=PINNED)
    adapter: AnyAdapter = Field(default=Lora(), description="What is trained.")
    prune: Prune | None = Field(
        default=None, description="Start from a smaller model than the base. Empty: from all of it."
    )
    # What students older than the choice were taught in is in no id, written or found.
    format: FormatName = Field(
        default=AUTO,
        exclude_if=lambda name: name in (AUTO, USUAL_FORMAT),
        description="Chat format that the student is trained and served in: how turns and tool calls are "
        "written. The base's tokenizer has to know its marks. own: the base's own chat template. auto: the "
        "first whose marks the tokenizer knows, else own; factory validate says which.",
    )
    show_tools: bool = Field(
        default=False,
        description="Put the tools into the student's system prompt. Off: the student knows its tools by "
        "heart. Always on where each task brings its own tools.",
    )
    precision: Literal["auto", "bfloat16", "float32"] = Field(
        default="auto", description="Number format in training; auto: what suits the machine."
    )
    # A student that writes is older than the choice; what one with a head is made with is in its id.
    head: bool = Field(
        default=False,
        exclude_if=lambda head: not head,
        description="Answer by a classification head, with one of the labels and its probability, and write "
        "no text. Only for kind: label. A base that is an encoder, such as BERT, always does.",
    )
    calibration: CalibrationSettings = Field(
        default=CalibrationSettings(),
        exclude_if=lambda settings: settings == CalibrationSettings(),
        description="How the probabilities of a student with a head are calibrated.",
    )
    # What is made is the same, whoever watches.
    track: Annotated[tuple[Tracker, ...], Field(strict=False)] = Field(
        default=(),
        max_length=4,
        exclude_if=lambda trackers: not trackers,
        description="Trackers that are shown the figures of each training as well, such as [trackio]. They "
        "write into the workspace and send nothing, unless their own environment variables say so.",
    )
    stages: Annotated[tuple[TrainingStage, ...], Field(strict=False)] = Field(
        min_length=1,
        max_length=MOST,
        description="Stages of training, in order: {sft: ...}, {align: ...} or {distill: ...}, each any "
        "number of times.",
    )

    # What is trained under one schedule is asked for in the same words as before there was a choice.
    schedule: Literal["one", "each"] = Field(
        default="one",
        exclude_if=lambda schedule: schedule == "one",
        description="one: one warm-up, one decay and one optimizer over all stages, each stage's "
        "learning_rate being the height of its own part. each: every stage begins anew.",
    )

    tutor: Tutor | None = Field(
        default=None,
        exclude_if=lambda tutor: tutor is None,
        description="The teacher, or another model with the student's tokenizer, learns the student's own "
        "rows first, and teaches then. Empty: there is none.",
    )
    gate: bool = Field(
        default=True,
        exclude_if=lambda gate: gate,
        description="Where other stages follow on sft: the last fine-tuned student ships, unless the last "
        "one writes at least as many of the set-aside rows exactly. Off: the last one ships.",
    )

    def identity(self, **options: Any) -> dict[str, Any]:
        """Return the settings that content ids are made of: trackers are not among them."""
        return super().identity(**options | {"exclude": {"track"} | options.get("exclude", set())})

    @property
    def trainings(self) -> list[Training]:
        """The settings of all that is trained: of each stage, and of the tutor."""
        return [*(stage.settings for stage in self.stages), *([self.tutor] if self.tutor else [])]

    @property
    def validation_share(self) -> float:
        """The largest share of the seeds that the recipe asks to validate on: no stage learns from it. 0
        where it asks for none."""
        shares = [each.validation.share for each in self.trainings if each.validation]
        return max(shares, default=0.0)

    @property
    def watches_by_default(self) -> bool:
        """Whether the recipe says nothing of validation."""
        return not any("validation" in each.model_fields_set for each in self.trainings)

    @property
    def last_fine_tuned(self) -> int | None:
        """The place of the last sft stage, if others follow on it and it may ship instead of the last one."""
        places = [place for place, stage in enumerate(self.stages) if isinstance(stage, SftStage)]
        return places[-1] if self.gate and places and places[-1] < len(self.stages) - 1 else None

    def has_tutor(self, stage: Stage) -> bool:
        """Whether a stage learns from the tutor."""
        settings = stage.distillation
        if self.tutor is None or settings is None:
            return False
        if settings.teacher_model is None:
            return settings.teacher != "stored"
        return settings.teacher_model == "tutor"
