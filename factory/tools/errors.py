"""A tool call that cannot be carried out, with a reason code from a closed set.

Promise: a `ToolError` is what a bad call of a model becomes, never a fault of the program or of the person:
the check of the sample turns it into a verdict row. The code is stable and can be counted in SQL; the
message is for people and may change. It survives pickling, so a tool can run in a child process.
"""

from typing import Literal

Reason = Literal[
    "syntax",
    "not_allowed",
    "too_large",
    "too_long",
    "division_by_zero",
    "bad_arguments",
    "unknown_tool",
    "incompatible_units",
    "out_of_range",
    "not_found",
    # of a person's own tools (`sandbox`) alone
    "timed_out",
    "out_of_memory",
    "crashed",
    "refused",
    "bad_result",
    "raised",
]


class ToolError(Exception):
    """The call was refused or failed: `reason` says which kind, `message` what exactly (printable, without
    lone surrogates)."""

    def __init__(self, reason: Reason, message: str):
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"
