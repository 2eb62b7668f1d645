"""What of the student is trained: low-rank matrices, virtual tokens, or all of it."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from factory.system.settings import Settings

NAME = r"^[a-z0-9][a-z0-9-]{0,30}$"


class _Adapter(Settings):
    name: str | None = Field(
        default=None, pattern=NAME, description="What to call it, and the student, among others of one base."
    )


class Lora(_Adapter):
    """Low-rank matrices beside frozen weights (Hu et al., 2021, arXiv 2106.09685)."""

    kind: Literal["lora"] = Field(default="lora", description="Low-rank matrices beside frozen weights.")
    rank: int = Field(
        default=16,
        ge=1,
        le=512,
        description="Rank of the update: more rank, more room to learn and more memory.",
    )
    alpha: int = Field(
        default=32, ge=1, le=2048, description="Scale of the update; it is applied as alpha / rank."
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the adapter's inputs dropped in training."
    )
    rslora: bool = Field(
        default=False, description="Apply alpha / sqrt(rank) instead: steadier at high ranks."
    )
    dora: bool = Field(
        default=False,
        description="Learn size and direction of the weights apart (DoRA): slower, better at low ranks.",
    )


class PromptTuning(_Adapter):
    """Virtual tokens before the conversation, and nothing else (Lester et al., 2021, arXiv 2104.08691)."""

    kind: Literal["prompt_tuning"] = Field(
        description="Virtual tokens before the conversation; all weights stay frozen. Wants a higher learning_rate than lora, such as 0.05."
    )
    tokens: int = Field(default=16, ge=1, le=512, description="How many virtual tokens.")
    init: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="Text that they begin as, cut or repeated. Empty: tokens drawn by chance.",
    )


class FullWeights(_Adapter):
    """No adapter: every weight is trained."""

    kind: Literal["full"] = Field(
        description="Every weight is trained, in float32: four times the memory of the model and more."
    )


def _kind(value: Any) -> str | None:
    kind = value.get("kind", "lora") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in KINDS else None


KINDS = ("lora", "prompt_tuning", "full")
Adapter = Annotated[
    Annotated[Lora, Tag("lora")]
    | Annotated[PromptTuning, Tag("prompt_tuning")]
    | Annotated[FullWeights, Tag("full")],
    Discriminator(
        _kind, custom_error_type="kind", custom_error_message=f"must have a kind: {', '.join(KINDS)}"
    ),
]
