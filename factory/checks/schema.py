"""`schema`: the answer has the form that was asked for: a call to a known tool, a marked final answer, an instruction."""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample


class SchemaCheck:
    """Fails with the reason why nothing could be read: empty, too_large, not_json, wrong_shape, unknown_tool, bad_arguments, control_token,
    too_many_steps, no_final_answer, proposal_cut_off, copied_example, or the request's error. `form` is what the form depends on, such as
    the tools."""

    name = "schema"

    def __init__(self, form: Any):
        self.settings: dict[str, Any] = {"form": form}

    def judge(self, sample: Sample) -> Verdict:
        # A call that could be read and not carried out is for `execution` to reject.
        return OK if sample.fault in (None, "tool_error") else Verdict(False, str(sample.fault), sample.detail)
