"""`execution`: the call was carried out, and its result is that of the reference."""

from typing import Any

from factory.checks.check import OK, Judged, Verdict
from factory.tasks.tool_call import ToolCallKind


class ExecutionCheck:
    """Fails with no_call, tool_error or wrong_result; the detail names both results."""

    name = "execution"

    def __init__(self, kind: ToolCallKind):
        self.settings: dict[str, Any] = {}
        self._kind = kind

    def judge(self, judged: Judged) -> Verdict:
        sample = judged.sample
        if sample.call is None:
            return Verdict(False, "no_call")
        if sample.result is None:
            return Verdict(False, sample.fault or "tool_error", sample.detail)
        expected = self._kind.solve(sample.task.reference)
        return OK if sample.result == expected else Verdict(False, "wrong_result", f"{sample.result}, the reference gives {expected}")
