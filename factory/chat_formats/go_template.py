"""Pieces of a chat template in Go's syntax, as Ollama executes it.

Ollama runs no Jinja: what stands in a GGUF file's `tokenizer.chat_template` it only compares with templates
that it knows, so that the one of a student goes into a Modelfile. It hands over the system messages as one
`.System`, and the turns as `.Messages`. A call of an earlier turn is written by Go's JSON, which leaves out
the spaces and sorts the names; everything else is the text that the student was trained on.
"""

import json
from collections.abc import Sequence
from typing import Any

Tools = Sequence[dict[str, Any]] | None  # those of every request, or None: each request brings its own


def literal(text: str) -> str:
    """Return the piece that writes this text, whatever is in it."""
    plain = "{{" not in text and '"""' not in text
    return text if plain else f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}"


def listed(tools: Tools, before: str, after: str) -> str:
    """Return the piece that writes the tools, one a line, between two texts; nothing where there are none."""
    if tools is None:
        lines = "{{ range .Tools }}\n{{ json . }}{{ end }}"
        return f"{{{{ if .Tools }}}}{before}{lines}{after}{{{{ end }}}}"
    lines = "".join(f"\n{json.dumps(tool, ensure_ascii=False)}" for tool in tools)
    return literal(before + lines + after) if tools else ""


def system(tools: Tools, shown: str, before: str, after: str) -> str:
    """Return the piece that writes the system text, and the tools as `shown` writes them, between marks."""
    said = "{{ .System }}"
    if not shown:
        return f"{{{{ if .System }}}}{before}{said}{after}{{{{ end }}}}"
    if tools is None:
        gap = "{{ if and .System .Tools }}\n\n{{ end }}"
        return f"{{{{ if or .System .Tools }}}}{before}{said}{gap}{shown}{after}{{{{ end }}}}"
    return f"{before}{{{{ if .System }}}}{said}\n\n{{{{ end }}}}{shown}{after}"


def turns(user: str, assistant: str, tool: str) -> str:
    """Return the piece that writes the turns, each role by its own; the system text stands elsewhere."""
    return (
        '{{ range $i, $_ := .Messages }}{{ if eq .Role "user" }}' + user
        + '{{ else if eq .Role "assistant" }}' + assistant
        + '{{ else if eq .Role "tool" }}' + tool
        + "{{ end }}{{ end }}"
    )  # fmt: skip


def calls(before: str, arguments: str, after: str, between: str = "") -> str:
    """Return the piece that writes the calls of a turn, their arguments under this name."""
    gap = f"{{{{ if $n }}}}{between}{{{{ end }}}}" if between else ""
    return (
        f"{{{{ range $n, $_ := .ToolCalls }}}}{gap}{before}"
        f'{{"name": {{{{ json .Function.Name }}}}, "{arguments}": {{{{ json .Function.Arguments }}}}}}'
        f"{after}{{{{ end }}}}"
    )
