"""The row of a seed for function calls, xLAM's. A field that is not in it is refused: it is a typing error
more often than a remark."""

import json
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict

from factory.seeds.calls import steps_text
from factory.seeds.format import Content, SeedFormat
from factory.seeds.function_formats import named
from factory.seeds.offered import fitting_calls, offered_tools, tools_text


class FunctionCallFormat(SeedFormat):
    """`query`, its `tools`, and as `answers` the calls to make at once, `[]` where no tool fits; without
    answers what is right is not known."""

    model_config = ConfigDict(extra="forbid")
    format_name = "xlam"
    needs = frozenset({"query", "tools"})
    marks = frozenset({"answers"})
    names: ClassVar[dict[str, str]] = {"question": "query", "reference": "answers"}

    query: str
    tools: Any
    answers: Annotated[str, BeforeValidator(steps_text)] = ""

    def contents(self) -> list[Content]:
        try:
            specs = offered_tools(self.tools)
        except ValueError as error:
            raise named("tools", error) from None
        if self.answers and not self.answers.startswith("["):
            raise ValueError("answers: should be a list of calls")
        try:
            reference = fitting_calls(json.loads(self.answers), specs) if self.answers else ""
        except ValueError as error:
            raise named("answers", error) from None
        return [Content(self.query, reference, tools=tools_text(specs))]
