"""Settings of `data`: those of one of the kinds, or a list of sources, each with its kind, checks, held-out
tasks and weight."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Field, Tag, create_model

from factory.recipe.checks import CHECKS, Check
from factory.system.settings import PATH, FilePath, Settings
from factory.tasks.kinds import KINDS
from factory.tasks.settings import DataSettings

LIST = "list"  # the tag of a list of sources
SOURCE_NAME = r"^[a-z][a-z0-9-]{0,30}$"
Checks = Annotated[tuple[Check, ...], Field(strict=False)]


class SourceSettings(Settings):
    """What a source of a list says beside its kind's settings."""

    name: str | None = Field(
        default=None,
        pattern=SOURCE_NAME,
        description="What the report calls the source. Empty: its kind.",
    )
    weight: float = Field(
        default=1.0, gt=0, le=100, description="What each token of the source's rows counts in training."
    )
    checks: Checks | None = Field(
        default=None,
        min_length=1,
        max_length=len(CHECKS),
        description="What a sample of the source has to pass. Empty: the recipe's checks, or those that suit "
        "the kind.",
    )
    held_out: FilePath | None = Field(
        default=None,
        description="Tasks that no model has learned from, and that the models are compared on. Empty: this "
        "source is learnt and not measured." + PATH,
    )


def _kind(value: Any) -> str | None:
    if isinstance(value, list | tuple):
        return LIST
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in KINDS else None


def _source(settings: type[DataSettings]) -> Any:
    name = settings.__name__.replace("Data", "Source")
    return create_model(name, __base__=(SourceSettings, settings), __doc__=settings.__doc__)


if TYPE_CHECKING:
    # Only a kind knows its own settings.
    Data = DataSettings | tuple[DataSettings, ...]
else:
    _BY_KIND = Discriminator(
        _kind, custom_error_type="kind", custom_error_message=f"must have a kind: {', '.join(KINDS)}"
    )
    _Source = Annotated[
        reduce(or_, (Annotated[_source(kind.settings), Tag(name)] for name, kind in KINDS.items())), _BY_KIND
    ]
    _Sources = Annotated[tuple[_Source, ...], Field(strict=False, min_length=1, max_length=64), Tag(LIST)]
    Data = Annotated[
        reduce(or_, [*(Annotated[kind.settings, Tag(name)] for name, kind in KINDS.items()), _Sources]),
        _BY_KIND,
    ]
