"""The keys of a recipe: type, range and default of each.

Promise: closed sets of names, no unknown keys, no silent conversion (a quoted number is text), no NaN,
nothing mutable. The descriptions are for the person at the editor: `factory.recipe.schema` hands them out as
a JSON Schema. Not promised here: rules between fields and files that must exist. `load_recipe` adds them
(`factory.recipe.rules`).
"""

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, WithJsonSchema, model_validator

from factory.recipe.checks import CHECKS, Check
from factory.recipe.compress import Compress
from factory.recipe.data import Data
from factory.recipe.model_name import MODEL, PINNED, REVISION, ModelName
from factory.recipe.search import Search
from factory.recipe.sources import DataSource, data_sources, usual_checks
from factory.recipe.student import Student
from factory.system.settings import PATH, FilePath, Settings
from factory.tasks.kinds import KINDS

USUAL_LENGTH = 2048  # tokens of prompt and answer together

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
# No user part before the host, and no query but Azure's: a password has no place in a recipe.
ENDPOINT = r"^https?://[^\s/?#@]+(/[^\s?#@]*)?(\?api-version=[A-Za-z0-9.-]+)?$"
VARIABLE = r"^[A-Z_][A-Z0-9_]*$"

Endpoint = Annotated[str, Field(pattern=ENDPOINT, max_length=2048)]

AnyJson = Annotated[JsonValue, WithJsonSchema({"description": "Any JSON value."})]


class Sampling(Settings):
    """How the teacher draws its answers."""

    temperature: float = Field(
        default=0.8,
        ge=0,
        le=2,
        description="How freely the teacher chooses: 0 always takes the likeliest token.",
    )
    top_p: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Draw from the likeliest tokens that together have this probability.",
    )
    max_tokens: int = Field(default=96, ge=1, le=32768, description="Most tokens in one answer.")


class Teacher(Settings):
    """Who answers."""

    model: ModelName = Field(description=MODEL + " With endpoints: the name under which the servers know it.")
    revision: str | None = Field(
        default=None,
        pattern=REVISION,
        description=PINNED
        + " With endpoints: the commit that the servers serve; a changed one means new requests.",
    )
    endpoints: Annotated[tuple[Endpoint, ...], Field(strict=False)] = Field(
        default=(),
        max_length=1024,
        description="OpenAI-compatible servers: http(s) URLs, most end in /v1. Empty: the model runs here.",
    )
    api_key_env: str | None = Field(
        default=None,
        pattern=VARIABLE,
        description="NAME of the environment variable that holds the servers' key, never the key. Only with "
        "endpoints.",
    )
    timeout_s: float = Field(
        default=300.0,
        gt=0,
        le=86400,
        description="Seconds in which a server may stay silent before the request goes to another; more than "
        "the longest answer takes. Only with endpoints.",
    )
    # Where they say nothing they are in no id: answers are older than the choice.
    template: dict[str, AnyJson] = Field(
        default={},
        max_length=32,
        exclude_if=lambda arguments: not arguments,
        description="Arguments of the teacher's chat template, such as {enable_thinking: false}.",
    )
    extra_body: dict[str, AnyJson] = Field(
        default={},
        max_length=32,
        exclude_if=lambda body: not body,
        description="What the servers are sent beside all else, such as {reasoning_effort: low}; no keys, no "
        "passwords. Only with endpoints.",
    )
    calls: Literal["text", "native"] = Field(
        default="text",
        exclude_if=lambda form: form == "text",
        description="How the teacher calls tools: text: it writes JSON that is held to the tools' schema; "
        "native: by the servers' own tool calling. native only with endpoints and a kind that calls tools.",
    )
    logprobs: int = Field(
        default=20,
        ge=0,
        le=20,
        description="Likeliest tokens whose log-probabilities are kept at each position.",
    )
    sampling: Sampling = Field(default=Sampling(), description="How answers are drawn.")
    max_model_len: int = Field(
        default=USUAL_LENGTH, ge=256, le=131072, description="Most tokens of prompt and answer together."
    )
    concurrency: int = Field(default=64, ge=1, le=512, description="Requests in flight at once.")
    kv_cache_gb: float = Field(
        default=1.0,
        gt=0,
        le=1024,
        description="Memory for the attention cache of a teacher that runs here, in GB.",
    )

    @property
    def switches(self) -> dict[str, Any]:
        """What of the chat template and of the servers a person sets; part of every id, where it is set."""
        calls = None if self.calls == "text" else self.calls
        named = {"template_arguments": self.template, "extra_body": self.extra_body, "calls": calls}
        return {name: value for name, value in named.items() if value}


class Evaluate(Settings):
    """How teacher, student and compressed student are compared."""

    held_out: FilePath | None = Field(
        default=None,
        description="Tasks that no model has learned from, one JSON object a line. With a list of sources "
        "each names its own." + PATH,
    )
    # None is in no id: evaluations are older than the choice.
    max_tasks: int | None = Field(
        default=None,
        ge=1,
        exclude_if=lambda count: count is None,
        description="At most so many of the held-out tasks are put to each model, taken evenly from all. "
        "Empty: all. No sample may be like any of them, put or not.",
    )
    max_tokens: int = Field(default=96, ge=1, le=32768, description="Most tokens in one answer.")
    # Stays because evaluation ids know it: without it, what was measured would be measured again.
    bootstrap: int = Field(
        default=2000,
        ge=100,
        le=100_000,
        description="No effect any more: intervals are Wilson's.",
        deprecated="has no effect any more: intervals are Wilson's, which need no resamples",
    )
    repeats: int = Field(
        default=3,
        ge=1,
        le=100,
        description="How often speed is measured: rounds of 32 requests at once, and seven times as many "
        "alone; on a slow machine less often: after ten seconds for each round no other begins.",
    )


class Limits(Settings):
    """What a stage may use."""

    memory_gb: float | None = Field(
        default=None,
        gt=0,
        description="A run whose teacher or base alone is estimated to need more, in GB, is refused. Empty: "
        "what is free.",
    )


class Recipe(Settings):
    """A whole recipe. Build one with `load_recipe`, which also checks the rules between fields; this class
    alone checks the fields."""

    name: str = Field(pattern=SLUG, description="What to call it: lower-case letters, digits and dashes.")
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="The same seed draws the same tasks, answers and batches."
    )
    teacher: Teacher = Field(description="Who answers.")
    data: Data = Field(description="What is asked: one source of data, or a list of them.")
    checks: Annotated[tuple[Check, ...], Field(strict=False)] = Field(
        # The default that an editor shows; that of a recipe follows from its kind, below.
        default=next(iter(KINDS.values())).default_checks,
        min_length=1,
        max_length=len(CHECKS),
        description="What a sample has to pass, no name twice; schema always, for tool_call execution too. "
        "Left out: those that suit the kind, decontamination only with evaluate.",
        json_schema_extra={"uniqueItems": True},
    )
    student: Student | None = Field(
        default=None, description="Who learns, and how. Empty: the data is made and checked, and no more."
    )
    compress: Compress | None = Field(
        default=None, description="How the student is made smaller. Empty: it is not. Needs student."
    )
    evaluate: Evaluate | None = Field(
        default=None, description="How the models are compared. Empty: they are not."
    )
    search: Search | None = Field(default=None, description="What factory search tries. Empty: nothing.")
    limits: Limits = Field(default=Limits(), description="What a stage may use.")

    @model_validator(mode="before")
    @classmethod
    def _shown_tools(cls, value: Any) -> Any:
        # Nobody knows tools by heart that differ by task.
        data, student = (value.get(key) if isinstance(value, dict) else None for key in ("data", "student"))
        sources = [
            source for source in (data if isinstance(data, list) else [data]) if isinstance(source, dict)
        ]
        kinds = [KINDS.get(str(source.get("kind"))) for source in sources]
        if isinstance(student, dict) and any(kind is not None and kind.tools_by_task for kind in kinds):
            return {**value, "student": {"show_tools": True} | student}
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_checks(cls, value: Any) -> Any:
        # Decontamination compares with the held-out tasks: without them there is nothing to compare with.
        data = value.get("data") if isinstance(value, dict) else None
        if isinstance(data, dict) and "checks" not in value:
            kind, measured = data.get("kind"), value.get("evaluate") is not None
            if isinstance(kind, str) and kind in KINDS:
                return {**value, "checks": list(usual_checks(kind, measured=measured))}
            return {**value, "checks": list(CHECKS)}
        return value

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """Where the data comes from, in order."""
        return data_sources(self)
