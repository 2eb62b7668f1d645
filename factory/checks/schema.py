"""`schema`: the answer has the form that was asked for: a call to a known tool, a marked final answer, an
instruction."""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample


class SchemaCheck:
    """Fails with the reason why nothing could be read. Of every kind: the request's error, too_large, empty,
    not_text, control_token. Where JSON is asked for: truncated_json, not_json, not_finite, too_deep,
    wrong_shape. Of calls: unknown_tool, missing_argument, wrong_type, bad_arguments, too_many_steps. Of
    rationales: no_final_answer, conflicting_answers. Of proposed instructions: proposal_cut_off,
    instruction_to_judge, template_syntax, near_seed, copied_example, copied_prompt, no_instruction,
    repetition. `form` is what the form depends on, such as the tools."""

    name = "schema"

    def __init__(self, form: Any):
        self.settings: dict[str, Any] = {"form": form}

    def judge(self, sample: Sample) -> Verdict:
        # A call that could be read and not carried out is for `execution` to reject.
        return OK if sample.fault in (None, "tool_error") else Verdict(False, sample.fault, sample.detail)
