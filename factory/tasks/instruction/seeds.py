"""The row of a seed for instructions. A field that is not in it is refused: it is a typing error more often
than a remark."""

from collections.abc import Set

from pydantic import ConfigDict

from factory.seeds.published_formats import AlpacaFormat


class InstructionFormat(AlpacaFormat):
    """Alpaca's, and nothing beside it. `language`, `family`, or an `id` with no more tell it from Alpaca's
    own."""

    model_config = ConfigDict(extra="forbid")
    format_name = "instruction"

    @classmethod
    def fits(cls, keys: Set[str]) -> bool:
        ours = "language" in keys or "family" in keys or ("id" in keys and keys <= cls.fields())
        return cls.needs <= keys and ours and "instances" not in keys
