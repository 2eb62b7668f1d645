"""Llama 3.1 and later: turns that open with a header, a call as bare JSON with `parameters`, results as the
role ipython. No mark opens a call, and `; ` is between several, as vLLM's parser wants it when it streams."""

import json
import re
from collections.abc import Callable
from typing import Any

from factory.chat_formats import go_template as go
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.go_template import Tools

_TAG = "<|python_tag|>"
_MEANT = re.compile(r'^\s*\{|\{\s*"(?:type|name)"\s*:')
_BETWEEN = re.compile(r"\s*;\s*")


class Llama3(ChatFormat):
    """The turns of Meta's Llama 3.1, 3.2 and 3.3. Llama 3.0 has no `<|python_tag|>`, without which vLLM's
    parser does not start."""

    title = "Llama 3"
    template = "llama3_chat.jinja"
    parser = "llama3_json"
    parser_needs = (_TAG,)
    roles = frozenset({"system", "user", "assistant", "tool"})
    needed_tokens = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", _TAG)
    control_tokens = (*needed_tokens, "<|end_of_text|>", "<|eom_id|>")
    call_marks = ()
    call_end = ""
    turn_end = "<|eot_id|>"
    after_turn = ""

    def go_template(self, tools: Tools = ()) -> str:
        """Return the same template as Go has it."""

        def turn(role: str, content: str) -> str:
            return f"<|start_header_id|>{role}<|end_header_id|>\n\n{content}<|eot_id|>"

        shown, said = go.listed(tools, "Call these tools:", ""), "{{ .Content }}"
        call = go.calls("", "parameters", "", "; ")
        turns = go.turns(turn("user", said), turn("assistant", said + call), turn("ipython", said))
        before, after = turn("system", "\0").split("\0")
        end = turn("assistant", "").removesuffix("<|eot_id|>")
        return f"<|begin_of_text|>{go.system(tools, shown, before, after)}{turns}{end}"

    def shown_call(self, call: dict[str, Any]) -> str:
        """Return the call's JSON, its arguments as `parameters`."""
        return json.dumps({"name": call["name"], "parameters": call["arguments"]}, ensure_ascii=False)

    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        """Return no opening, and the call's JSON on one line."""
        return "", self.shown_call(call)

    def has_call(self, text: str) -> bool:
        """Whether the text opens with JSON, holds what opens a call, or the mark of a call of code."""
        return _TAG in text or _MEANT.search(text) is not None

    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        """Return the objects of a text that is nothing else, with or without the mark before them."""
        rest = text.strip().removeprefix(_TAG).strip()
        calls = []
        while rest.startswith("{"):
            end = _object_end(rest)
            calls.append(_in_our_words(read_json(rest[:end])))
            if not (rest := rest[end:]):
                return calls
            between = _BETWEEN.match(rest)
            rest = rest[between.end() :] if between else ""
        return None


def _object_end(text: str) -> int:
    """Return where the JSON value ends that a text begins with; all of the text where it is none."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return len(text)


def _in_our_words(call: Any) -> Any:
    if not isinstance(call, dict) or "parameters" not in call or "arguments" in call:
        return call
    told = {key: value for key, value in call.items() if (key, value) != ("type", "function")}
    return {("arguments" if key == "parameters" else key): value for key, value in told.items()}


FORMAT = Llama3()
