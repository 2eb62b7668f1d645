"""Mistral: questions between `[INST]` and `[/INST]` after a `<s>`, answers up to `</s>`, calls as a JSON list
after `[TOOL_CALLS]`. No system role: a system's text opens the first question.

A result names its call by place, `call00000` the first of the conversation: nine letters and digits, as
Mistral wants them, whatever id a client gave. A call names none: vLLM's parser makes its own, and so the
call's JSON is what a teacher writes. Not promised: Mistral's later tokenizers, which write `[ARGS]` between a
name and its arguments.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from factory.chat_formats import go_template as go
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.go_template import Tools

_OPEN, _LATER = "[TOOL_CALLS]", "[ARGS]"


class Mistral(ChatFormat):
    """The turns of Mistral 7B v0.3, Mixtral 8x22B, Nemo, Ministral 8B and Mistral Small up to 3.1, without
    spaces at the marks: tokenizers that need one put it there."""

    title = "Mistral"
    template = "mistral_chat.jinja"
    parser = "mistral"
    parser_needs = (_OPEN,)
    roles = frozenset({"system", "user", "assistant", "tool"})
    needed_tokens = (
        *("<s>", "</s>", "[INST]", "[/INST]", _OPEN),
        *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
    )
    control_tokens = (*needed_tokens, _LATER)
    call_marks = (_OPEN,)
    call_end = "]"
    turn_end = "</s>"
    after_turn = ""

    def misfit(self, folder: Path) -> str | None:
        """Return why the tokenizer cannot be used: it lacks a mark, or knows the later ones."""
        if reason := super().misfit(folder):
            return reason
        if json.dumps(_LATER) in (folder / "tokenizer.json").read_text(encoding="utf-8"):
            return f"its tokenizer knows {_LATER}: vLLM's parser reads its calls in another form"
        return None

    def go_template(self, tools: Tools = ()) -> str | None:
        """Return the same template as Go has it, without tools: their results name calls by number, which Go
        cannot count."""
        if tools or tools is None:
            return None
        first = "{{ if and $.System (eq $i 1) }}{{ $.System }}\n\n{{ end }}"
        said = go.turns(f"[INST]{first}{{{{ .Content }}}}[/INST]", "{{ .Content }}</s>", "")
        return f"<s>{said}"

    def shown_call(self, call: dict[str, Any]) -> str:
        """Return the call's JSON on one line."""
        return json.dumps({"name": call["name"], "arguments": call["arguments"]}, ensure_ascii=False)

    def write_call(self, call: dict[str, Any]) -> tuple[str, str]:
        """Return the mark with the list's bracket, and the call's JSON."""
        return f"{_OPEN}[", self.shown_call(call)

    def read_calls(self, text: str, read_json: Callable[[str], Any]) -> list[Any] | None:
        """Return the list after the mark, or the one object, without ids; None where words are before."""
        before, mark, written = text.partition(_OPEN)
        if before.strip() or not mark or _OPEN in written:
            return None
        value = read_json(written)
        calls = [value] if isinstance(value, dict) else value
        if not isinstance(calls, list) or not calls:
            return None
        return [
            {key: part for key, part in call.items() if key != "id"} if isinstance(call, dict) else call
            for call in calls
        ]


FORMAT = Mistral()
