"""Thinking in a model's text: what stands in `<think>…</think>` before the answer.

Promise: a text without such a beginning comes back as it is. Where a template writes `<think>` itself, the
text begins inside: what is before `</think>` is thinking then.
"""

OPEN, CLOSE = "<think>", "</think>"


def split_thinking(text: str) -> tuple[str, str]:
    """Return (thinking, answer); all of a text that never ends its thinking is thinking."""
    stripped = text.lstrip()
    if stripped.startswith(OPEN):
        thinking, _, answer = stripped.removeprefix(OPEN).partition(CLOSE)
        return thinking.strip(), answer.lstrip()
    thinking, mark, answer = text.partition(CLOSE)
    return (thinking.strip(), answer.lstrip()) if mark and OPEN not in thinking else ("", text)


def with_thinking(thinking: str, answer: str) -> str:
    """Return one text of both, in the form that `split_thinking` reads."""
    return f"{OPEN}\n{thinking}\n{CLOSE}\n\n{answer}" if thinking else answer
