"""Settings of tool calls: which tools there are, and where those that do not ship are carried out."""

from typing import Literal

from pydantic import Field

from factory.system.settings import PATH, FilePath
from factory.tasks.settings import CustomTools, DataSettings


class ToolCallData(DataSettings):
    """A question, the calls that answer it, the results, the answer."""

    kind: Literal["tool_call"] = Field(description="What a sample is.")
    tools: FilePath = Field(description="Specifications of the tools, a JSON file." + PATH)
    custom_tools: CustomTools | None = Field(
        default=None,
        serialization_alias="own_tools",
        description="Where the tools that do not ship are carried out.",
    )
