"""Hermes: turns of ChatML, a call as JSON between `<tool_call>` tags, a result as a user's turn."""

import json
from collections.abc import Callable
from typing import Any

from factory.chat_formats import go_template as go
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.go_template import Tools

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


class Hermes(ChatFormat):
    """The format of Qwen and of NousResearch's Hermes models, for every base that speaks ChatML."""

    title = "Hermes"
    template = "hermes_chat.jinja"
    parser = "hermes"
    roles = frozenset({"system", "user", "assistant", "tool"})
    needed_tokens: tuple[str, ...] = ("<|im_start|>", "<|im_end|>")
    call_marks = (_OPEN, _CLOSE)
    control_tokens: tuple[str, ...] = (*needed_tokens, *call_marks, "<tool_response>", "</tool_response>")
    call_end = f"\n{_CLOSE}"
    turn_end = "<|im_end|>"
    after_turn = "\n"

    def go_template(self, tools: Tools = ()) -> str:
        """Return the same template as Go has it."""
        shown = go.listed(tools, "Call these tools:\n<tools>", "\n</tools>")
        call = go.calls(f"{_OPEN}\n", "arguments", f"\n{_CLOSE}")
        said = go.turns(
            "<|im_start|>user\n{{ .Content }}<|im_end|>\n",
            f"<|im_start|>assistant\n{{{{ .Content }}}}{call}<|im_end|>\n",
            "<|im_start|>user\n<tool_response>\n{{ .Content }}\n</tool_response><|im_end|>\n",
        )
        system = go.system(tools, shown, "<|im_start|>system\n", "<|im_end|>\n")
        return f"{system}{said}<|im_start|>assistant\n"

    def shown_call(self, call: dict[str, Any]) -> str:
        """Return the call's JSON on one line."""
        return json.dumps({"name": call["name"], "arguments": call["arguments"]}, ensure_ascii=False)

    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        """Return the opening tag with its line break, and the call's JSON on one line."""
        return f"{_OPEN}\n", self.shown_call(call)

    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        """Return what is between each pair of tags; None where anything else is in the text."""
        # Not a regular expression: `\s*(.*?)\s*` takes cubic time on an answer that is all spaces.
        *written, rest = text.split(_CLOSE)
        parts = [part.lstrip() for part in written]
        if rest.strip() or not all(part.startswith(_OPEN) and part.count(_OPEN) == 1 for part in parts):
            return None
        return [read_json(part.removeprefix(_OPEN)) for part in parts] or None


FORMAT = Hermes()
