"""Settings of instructions: how often a proposal is rewritten before it is answered."""

from typing import Literal

from pydantic import Field

from factory.tasks.settings import DataSettings


class InstructionData(DataSettings):
    """A new instruction and its answer."""

    kind: Literal["instruction"] = Field(description="What a sample is.")
    evolve: int = Field(
        default=0,
        ge=0,
        le=4,
        description="How often a proposal is rewritten, deeper or broader, before it is answered.",
    )
