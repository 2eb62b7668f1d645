"""`finish_reason`: the teacher ended its answer by itself."""

from typing import Any

from factory.checks.check import OK, Judged, Verdict


class FinishReasonCheck:
    """Fails with cut_off if the answer ran into its token limit, with no_answer if the request had an error."""

    name = "finish_reason"

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}

    def judge(self, judged: Judged) -> Verdict:
        if judged.finish_reason == "stop":
            return OK
        return Verdict(False, "cut_off" if judged.finish_reason == "length" else "no_answer", judged.finish_reason)
