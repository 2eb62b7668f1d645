"""The machine and the stages of a run, and what training logged."""

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from factory.report.part import Count, Part


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Machine(Part):
    """Where the numbers were measured."""

    cpu: str
    cores: Count
    memory_bytes: Count
    instruction_sets: list[str] = []


class Stage(Part):
    """One stage of the run and its wall time in seconds."""

    name: str
    seconds: Annotated[float, Field(ge=0)]
    detail: str = ""


class Loss(Part):
    """One logged value of training; NaN and infinities, which JSON cannot hold, become None and are shown as
    gaps."""

    stage: str
    step: Count
    name: str = "loss"
    value: Annotated[float | None, BeforeValidator(_finite)]
