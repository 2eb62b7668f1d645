"""Which checks a recipe may name, and their settings. An item is a name, or a name with its settings:
`{dedup: {threshold: 0.7}}`."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from factory.system.settings import Settings

CheckName = Literal[
    "schema",
    "execution",
    "finish_reason",
    "agreement",
    "degenerate",
    "length",
    "judge",
    "dedup",
    "decontamination",
    "personal",
]
CHECKS: tuple[CheckName, ...] = get_args(CheckName)


class Agreement(Settings):
    """The answer agrees with the reference, or where there is none with the other draws."""

    margin: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="By which share of the draws the most frequent answer has to lead the second "
        "where there is no reference.",
    )


class Degenerate(Settings):
    """The answer is text, and an answer."""

    refusals: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=200)], ...], Field(strict=False)
    ] = Field(
        default=(),
        max_length=100,
        description="Phrases that make an answer a refusal where it begins with one. Refusals in English and "
        "Chinese are known, and in German, French, Spanish, Portuguese, Italian, Dutch, Russian, Japanese "
        "and Korean where seeds are in these.",
    )


class Length(Settings):
    """The answer is neither too short nor too long. Words; characters for Chinese."""

    min_words: int = Field(default=1, ge=0, le=100_000, description="Fewest words of an answer.")
    max_words: int = Field(default=1000, ge=1, le=100_000, description="Most words of an answer.")


class Judge(Settings):
    """The teacher as a judge of its own samples, by a rubric of five points."""

    min_score: float = Field(default=3.0, ge=1, le=5, description="Least score that passes, from 1 to 5.")


class Dedup(Settings):
    """A sample that repeats an earlier one is rejected."""

    threshold: float | None = Field(
        default=None,
        ge=0.3,
        le=1,
        description="ROUGE-L (F-measure) from which two are near duplicates. Empty: only exact ones count.",
    )
    semantic: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Cosine of the embeddings from which two mean the same. Empty: meaning is not compared.",
    )


class AgreementItem(Settings):
    """{agreement: ...}"""

    agreement: Agreement = Field(description="Agreement with the reference, or with the other draws.")


class DegenerateItem(Settings):
    """{degenerate: ...}"""

    degenerate: Degenerate = Field(description="Phrases that are refusals.")


class LengthItem(Settings):
    """{length: ...}"""

    length: Length = Field(description="Fewest and most words.")


class JudgeItem(Settings):
    """{judge: ...}"""

    judge: Judge = Field(description="The least score.")


class DedupItem(Settings):
    """{dedup: ...}"""

    dedup: Dedup = Field(description="From which likeness on two samples are one too many.")


_ITEMS: dict[str, type[Settings]] = {
    "agreement": AgreementItem,
    "degenerate": DegenerateItem,
    "length": LengthItem,
    "judge": JudgeItem,
    "dedup": DedupItem,
}
WITH_SETTINGS = tuple(_ITEMS)


def check_name(item: Any) -> str | None:
    """Return the name in an item of `checks`, raw or read, or None if it has none."""
    if isinstance(item, Settings):
        return next(iter(type(item).model_fields))
    if isinstance(item, dict):
        return next(iter(item)) if len(item) == 1 and isinstance(next(iter(item)), str) else None
    return item if isinstance(item, str) else None


def _tag(item: Any) -> str | None:
    if isinstance(item, str):
        return "name"
    return name if (name := check_name(item)) in _ITEMS else None


Check = Annotated[
    Annotated[CheckName, Tag("name")]
    | Annotated[AgreementItem, Tag("agreement")]
    | Annotated[DegenerateItem, Tag("degenerate")]
    | Annotated[LengthItem, Tag("length")]
    | Annotated[JudgeItem, Tag("judge")]
    | Annotated[DedupItem, Tag("dedup")],
    Discriminator(
        _tag,
        custom_error_type="check",
        custom_error_message=(
            f"must be the name of a check, or one of {', '.join(WITH_SETTINGS)} with its settings"
        ),
    ),
]

_PLAIN: dict[str, Settings] = {
    "agreement": Agreement(),
    "degenerate": Degenerate(),
    "length": Length(),
    "judge": Judge(),
    "dedup": Dedup(),
}


def settings(item: Any) -> Settings | None:
    """Return the settings of an item: those written there, the defaults, or None for a check that has
    none."""
    name = check_name(item)
    if isinstance(item, Settings):
        return getattr(item, str(name))
    return _PLAIN.get(str(name))
