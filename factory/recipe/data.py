"""What a recipe may ask for as data: one kind of sample, the seeds it starts from, how many, and at what
most."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from factory.system.settings import PATH, FilePath, Settings

_MAX_KEPT = {"shortest": 1, "diverse": 3}
Weight = Annotated[float, Field(gt=0, le=100)]


class Budget(Settings):
    """What making the data may cost at most. Turns of samples that are already begun still end."""

    requests: int | None = Field(
        default=None, ge=1, le=10**9, description="Most requests to the teacher. Empty: no limit."
    )
    tokens: int | None = Field(
        default=None,
        ge=1,
        le=10**15,
        description="Most tokens, prompts and answers together. Empty: no limit.",
    )


class _Data(Settings):
    seeds: FilePath = Field(
        description="Seed tasks: JSON Lines, a JSON array, CSV, Parquet, a folder of a dataset, or the "
        "Hugging Face id of one." + PATH
    )
    columns: dict[str, str] = Field(
        default={},
        max_length=32,
        description="Which column of the seeds holds what, such as {question: problem, reference: solution}.",
    )
    split: str | None = Field(
        default=None, min_length=1, max_length=200, description="Which split of a dataset. Empty: train."
    )
    strict: bool = Field(
        default=False, description="Stop at a bad line of the seeds. Off: it is told, and the rest goes on."
    )
    count: int = Field(
        ge=1,
        le=1_000_000,
        description="How many accepted samples to make; fewer if the seeds or the budget end before.",
    )
    samples_per_prompt: int = Field(
        default=1,
        ge=1,
        le=64,
        serialization_alias="draws",
        description="How many answers to draw for each question.",
    )
    examples: int = Field(
        default=5,
        ge=0,
        le=16,
        description="Worked examples in the teacher's prompt; the student never sees them.",
    )
    budget: Budget = Field(default=Budget(), description="What making the data may cost at most.")


class CustomTools(Settings):
    """Tools of your own: functions of a Python file, each run in a child process with limits. Off unless it
    is written here."""

    python: FilePath = Field(
        description="A Python file with a function for each tool that does not ship." + PATH
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=600,
        serialization_alias="seconds",
        description="Seconds that one call may take.",
    )
    memory_mb: int = Field(default=256, ge=64, le=65536, description="Most memory of the process, in MB.")


class ToolCallData(_Data):
    """A question, the calls that answer it, the results, the answer."""

    kind: Literal["tool_call"] = Field(description="What a sample is.")
    tools: FilePath = Field(description="Specifications of the tools, a JSON file." + PATH)
    custom_tools: CustomTools | None = Field(
        default=None,
        serialization_alias="own_tools",
        description="Where the tools that do not ship are carried out.",
    )


class RationaleData(_Data):
    """A question, the reasoning, the final answer."""

    kind: Literal["rationale"] = Field(description="What a sample is.")
    keep: Literal["shortest", "diverse", "all"] = Field(
        default="shortest",
        description="Which right rationales of a question stay: the shortest, several different ones, or all "
        "of them.",
    )
    max_kept: int | None = Field(
        default=None,
        ge=1,
        le=64,
        serialization_alias="most",
        description="Most rationales that stay of one question. Empty: 1 of the shortest, 3 of diverse ones. "
        "Not with keep: all.",
    )
    rationale_weight: Weight = Field(
        default=1.0,
        description="What a training row of the task rationale weighs in an export, where one of the task "
        "label weighs 1.",
    )

    @property
    def kept_limit(self) -> int | None:
        """How many rationales of one question stay at most; None where all of them do."""
        return None if self.keep == "all" else self.max_kept or _MAX_KEPT[self.keep]


class InstructionData(_Data):
    """A new instruction and its answer."""

    kind: Literal["instruction"] = Field(description="What a sample is.")
    evolve: int = Field(
        default=0,
        ge=0,
        le=4,
        description="How often a proposal is rewritten, deeper or broader, before it is answered.",
    )


_MODELS = (ToolCallData, RationaleData, InstructionData)
KINDS: tuple[str, ...] = tuple(get_args(model.model_fields["kind"].annotation)[0] for model in _MODELS)


def _kind(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in KINDS else None


Data = Annotated[
    Annotated[ToolCallData, Tag("tool_call")]
    | Annotated[RationaleData, Tag("rationale")]
    | Annotated[InstructionData, Tag("instruction")],
    Discriminator(
        _kind, custom_error_type="kind", custom_error_message=f"must have a kind: {', '.join(KINDS)}"
    ),
]
