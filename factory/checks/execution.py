"""`execution`: the calls were carried out, and where there is a reference their result is the reference's."""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample


class ExecutionCheck:
    """Fails with no_call, tool_error or wrong_result; the detail names both results."""

    name = "execution"

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}

    def judge(self, sample: Sample) -> Verdict:
        if sample.call is None:
            return Verdict(False, "no_call")
        if sample.outcome is None:
            return Verdict(False, sample.fault or "tool_error", sample.detail)
        if sample.expected is None or sample.outcome == sample.expected:
            return OK
        return Verdict(False, "wrong_result", f"{sample.outcome}, the reference gives {sample.expected}")
