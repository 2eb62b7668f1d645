"""Table of the adapter kinds, and the type of `student.adapter` in a recipe, which is any one of them.

A new one is a file of its name in this folder that holds an `ADAPTER`, and a line here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag

from factory.adapters.adapter import Adapter

# By `kind`; the first is what a recipe means that names none.
_NAMES = (
    "lora",
    "prompt_tuning",
    "full",
)
ADAPTERS: dict[str, type[Adapter]] = {
    name: import_module(f"factory.adapters.{name}").ADAPTER for name in _NAMES
}
DEFAULT = next(iter(ADAPTERS))


def adapter_class(value: Any) -> type[Adapter] | None:
    """Return the class of `student.adapter` as a recipe has it; None for what is not an adapter."""
    kind = _kind({} if value is None else value)
    return None if kind is None else ADAPTERS[kind]


def _kind(value: Any) -> str | None:
    kind = value.get("kind", DEFAULT) if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if isinstance(kind, str) and kind in ADAPTERS else None


if TYPE_CHECKING:
    AnyAdapter = Adapter
else:
    AnyAdapter = Annotated[
        Union[tuple(Annotated[adapter, Tag(kind)] for kind, adapter in ADAPTERS.items())],  # noqa: UP007
        Discriminator(
            _kind,
            custom_error_type="kind",
            custom_error_message=f"must have a kind: {', '.join(ADAPTERS)}",
        ),
    ]
