"""`schema`: the answer is one call to a known tool, with arguments that fit its JSON Schema."""

from typing import Any

from factory.checks.check import OK, Judged, Verdict
from factory.digest import content_id
from factory.tools.spec import ToolSpec


class SchemaCheck:
    """Fails with the reason why there is no call: empty, not_json, wrong_shape, unknown_tool, bad_arguments, control_token, or the
    request's error."""

    name = "schema"

    def __init__(self, tools: list[ToolSpec]):
        self.settings: dict[str, Any] = {"tools": content_id([tool.model_dump() for tool in tools])}

    def judge(self, judged: Judged) -> Verdict:
        sample = judged.sample
        return OK if sample.call is not None else Verdict(False, sample.fault or "not_json", sample.detail)
