"""Settings of function calls: none of their own, since each task brings its tools."""

from typing import Literal

from pydantic import Field

from factory.tasks.settings import DataSettings


class FunctionCallData(DataSettings):
    """A question with tools of its own, and the calls that answer it."""

    kind: Literal["function_call"] = Field(description="What a sample is.")
