"""Settings of distillation: phases, schedules, the rest of the vocabulary, hidden states.

Promise: here each field for itself; how they go together is in `factory.recipe.distill_rules`, and what a
schedule is worth at a step in `factory.student.step_settings`.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from factory.recipe.training import Taught
from factory.system.settings import Settings

_PEAK = "Value between warm-up and decay. Empty: straight from start to end."


class Schedule(Settings):
    """A value that changes in the course of a stage, or of the phase that it is set in."""

    start: float
    peak: float | None = None
    end: float
    warmup: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the steps in which it goes from start to peak. Only with peak.",
    )
    decay: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the steps in which it goes from peak to end. Only with peak.",
    )


class WeightSchedule(Schedule):
    """A share that changes: from start to end, or from start to peak, stable there, and to end."""

    start: float = Field(ge=0, le=1, description="Value at the first step.")
    peak: float | None = Field(default=None, ge=0, le=1, description=_PEAK)
    end: float = Field(ge=0, le=1, description="Value at the last step.")


class TemperatureSchedule(Schedule):
    """A temperature that changes: from start to end, or from start to peak, stable there, and to end."""

    start: float = Field(gt=0, le=100, description="Value at the first step.")
    peak: float | None = Field(default=None, gt=0, le=100, description=_PEAK)
    end: float = Field(gt=0, le=100, description="Value at the last step.")


class TopKSchedule(Schedule):
    """A number of tokens that changes: from start to end, or from start to peak, stable there, and to end;
    rounded."""

    start: int = Field(ge=1, le=20, description="Value at the first step.")
    peak: int | None = Field(default=None, ge=1, le=20, description=_PEAK)
    end: int = Field(ge=1, le=20, description="Value at the last step.")


# The tags are no words of the recipe: `wording` leaves them out of the place of a fault.
NUMBER, SCHEDULE = "<number>", "<schedule>"


class Until(Settings):
    """Agreement with the teacher at which a phase ends."""

    top1: float = Field(
        gt=0,
        le=1,
        description="Share of the teacher's tokens at which student and teacher have the same likeliest "
        "one, a running mean over the steps.",
    )
    share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Share of the stage's steps at which it ends at the latest. Empty: with the stage.",
    )


def _form(value: Any) -> str:
    return SCHEDULE if isinstance(value, dict | Schedule | Until) else NUMBER


_SPLIT = Discriminator(_form)
Weight = Annotated[
    Annotated[float, Field(ge=0, le=1), Tag(NUMBER)] | Annotated[WeightSchedule, Tag(SCHEDULE)], _SPLIT
]
Temperature = Annotated[
    Annotated[float, Field(gt=0, le=100), Tag(NUMBER)] | Annotated[TemperatureSchedule, Tag(SCHEDULE)], _SPLIT
]
TopK = Annotated[
    Annotated[int, Field(ge=1, le=20), Tag(NUMBER)] | Annotated[TopKSchedule, Tag(SCHEDULE)], _SPLIT
]
End = Annotated[Annotated[float, Field(gt=0, lt=1), Tag(NUMBER)] | Annotated[Until, Tag(SCHEDULE)], _SPLIT]

_TOP_K = "Learn from this many of the stored likeliest tokens."
_SOFTENS = (
    "Softens both distributions before they are compared. Other than 1, they are first cut to the 20 "
    "likeliest tokens (or the top k) and one outcome for all others; the size of the gradient stays."
)
_RANDOM_K = "Learn from this many tokens, drawn at each step from the teacher's whole distribution."


class Phase(Settings):
    """A share of the stage. It takes the teacher's whole distribution unless it says top_k or random_k;
    temperature and weight that are left out are the stage's."""

    until: End | None = Field(
        default=None,
        description="Share of the stage's steps at which it ends, or the agreement with the teacher, {top1: "
        "0.9}; the last one has none.",
    )
    top_k: TopK | None = Field(default=None, description=_TOP_K)
    random_k: int | None = Field(default=None, ge=1, le=1000, description=_RANDOM_K)
    temperature: Temperature | None = Field(default=None, description=_SOFTENS)
    weight: Weight | None = Field(default=None, description="What the divergence counts.")


Layer = Annotated[int, Field(ge=0, le=1000)]


class Hidden(Settings):
    """Hidden states drawn towards the teacher's on the tokens that the teacher wrote."""

    depths: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(strict=False)] = Field(
        default=(0.5, 1.0),
        max_length=64,
        description="Relative depths at which layers meet: 0 is the embedding, 1 the last layer. "
        "Set either layers or depths.",
    )
    layers: Annotated[
        tuple[Annotated[tuple[Layer, Layer], Field(strict=False)], ...], Field(strict=False)
    ] = Field(
        default=(),
        max_length=64,
        description="Pairs [student's layer, teacher's layer], counted from the embedding, which is 0.",
    )
    loss: Literal["cosine", "mse"] = Field(
        default="cosine", description="1 - cosine, or the mean squared difference."
    )
    weight: Weight = Field(
        default=WeightSchedule(start=0.5, end=0.0),
        description="Weight beside the other losses; by default it fades out.",
    )


class Distill(Taught):
    """Distillation: learn the teacher's distribution as well as its answers."""

    batch_size: int = Field(default=8, ge=1, le=1024, description="Samples in one step.")
    learning_rate: float = Field(
        default=2e-4, gt=0, le=1, description="Highest learning rate, reached after the warm-up."
    )
    teacher: Literal["in_process", "cache", "stored"] = Field(
        default="in_process",
        description="Where the distribution comes from. in_process: the teacher is loaded beside the "
        "student. cache: it is loaded alone, before training, and its last hidden states are kept on disk; "
        "the distribution is whole at any temperature. stored: no teacher; "
        "the likeliest tokens that were stored with the answers.",
    )
    cache_gb: float = Field(
        default=8.0, gt=0, le=100_000, description="Most disk for the cache, in GB. Only with teacher: cache."
    )
    top_k: TopK | None = Field(default=None, description=_TOP_K + " Empty with teacher: stored: all of them.")
    random_k: int | None = Field(default=None, ge=1, le=1000, description=_RANDOM_K)
    tail: Literal["bucket", "renormalize", "drop"] = Field(
        default="bucket",
        description="How the tokens outside the top k count. bucket: as one more outcome with their mass. "
        "renormalize: not at all, the k are all there is. drop: not at all, the k count with the mass that "
        "they have. Only where there is a top k.",
    )
    beta: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Which divergence: 0 is forward KL, 1 is reverse KL, between them a mixture.",
    )
    temperature: Temperature = Field(default=1.0, description=_SOFTENS)
    weight: Weight = Field(
        default=0.5, description="What the divergence counts beside cross-entropy; see mix."
    )
    # A better way to do what was asked for is in no id; only another wish is.
    mix: Literal["add", "share"] = Field(
        default="add",
        exclude_if=lambda mix: mix == "add",
        description="add: cross-entropy counts whole, and weight times the divergence is added. share: "
        "weight is the divergence's share, and cross-entropy has the rest.",
    )
    bound: float | None = Field(
        default=1.0,
        gt=0,
        le=1000,
        exclude_if=lambda bound: bound == 1.0,
        description="The divergence counts at most so many times what cross-entropy does, and so do hidden "
        "states, by running means. Empty: as much as its weight says. Only with mix: add.",
    )
    trust: bool = Field(
        default=True,
        exclude_if=lambda trust: trust,
        description="Learn the teacher's distribution only where its likeliest token is the accepted one; of "
        "a row without accepted tokens, if the teacher is surer than 0.5 of each. Off: everywhere.",
    )
    focus: float | None = Field(
        default=None,
        gt=0,
        le=1,
        exclude_if=lambda share: share is None,
        description="Learn the teacher's distribution only in this share of a batch's positions, where the "
        "student is least sure. Empty: at all.",
    )
    behind: float | None = Field(
        default=None,
        gt=0,
        le=1,
        exclude_if=lambda share: share is None,
        description="Learn the teacher's distribution only in this share of a batch's rows, where the "
        "student's cross-entropy is highest beside the teacher's. Empty: in all.",
    )
    interpolate: Literal["taid"] | None = Field(
        default=None,
        exclude_if=lambda way: way is None,
        description="taid: the target moves from the student's own distribution to the teacher's, sooner "
        "where the divergence falls. Empty: it is the teacher's.",
    )
    curriculum: Annotated[tuple[Phase, ...], Field(strict=False)] = Field(
        default=(), max_length=32, description="Phases in order. Empty: one phase with the stage's settings."
    )
    hidden: Hidden | None = Field(
        default=None, description="Hidden states drawn towards the teacher's. Empty: they are not."
    )
    on_policy: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the steps in which the student learns on what it writes itself: GKD's lambda. "
        "Only with teacher: in_process.",
    )
