"""`finish_reason`: the teacher ended its answer by itself."""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample
from factory.text.reasons import ReasonCode

_REASONS: dict[str, ReasonCode] = {"length": "cut_off", "content_filter": "filtered"}


class FinishReasonCheck:
    """Fails with cut_off if the answer ran into its token limit, with filtered if the server's content filter
    ended it, with no_answer if the request had an error."""

    name = "finish_reason"

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}

    def judge(self, sample: Sample) -> Verdict:
        if sample.finish_reason == "stop":
            return OK
        return Verdict(False, _REASONS.get(sample.finish_reason, "no_answer"), sample.finish_reason)
