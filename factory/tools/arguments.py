"""The arguments of a call, read from what a model wrote.

Promise: `read` gives an instance of a tool's argument model or raises `ToolError("bad_arguments")` that names
each fault with its place; `plain_numbers` writes a whole number as an integer wherever it stands, since JSON
Schema holds 5.0 for an integer too. What a value means (whether a date exists, whether two units fit) is the
tool's own to judge.
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from factory.text.visible import escape_hidden, truncate
from factory.tools.errors import ToolError

MAX_MESSAGE = 400


class Arguments(BaseModel):
    """The base of every tool's argument model: nothing unknown, nothing converted, no infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Arguments)


def read(model: type[Model], arguments: dict[str, Any]) -> Model:
    """Return the arguments as `model`; raise ToolError with every fault."""
    try:
        return model.model_validate(plain_numbers(arguments))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
    except RecursionError:
        faults = "the arguments are nested too deeply"
    raise ToolError("bad_arguments", escape_hidden(truncate(faults, MAX_MESSAGE)))


def plain_numbers(value: Any) -> Any:
    """Return a JSON value with its whole floats as integers; raise RecursionError if it is nested too
    deeply."""
    if isinstance(value, dict):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
