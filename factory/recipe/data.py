"""Settings of `data`: those of one of the kinds."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Tag

from factory.tasks.kinds import KINDS
from factory.tasks.settings import DataSettings


def _kind(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in KINDS else None


if TYPE_CHECKING:
    # Only a kind knows its own settings.
    Data = DataSettings
else:
    Data = Annotated[
        reduce(or_, (Annotated[kind.settings, Tag(name)] for name, kind in KINDS.items())),
        Discriminator(
            _kind, custom_error_type="kind", custom_error_message=f"must have a kind: {', '.join(KINDS)}"
        ),
    ]
