"""What a model thought before it answered: `<think>…</think>` at the beginning of its text.

Promise: linear time; only what stands before the answer is taken off, so tags further behind stay what they
are, control tokens. What begins as JSON has no thinking before it.
"""

OPEN, CLOSE = "<think>", "</think>"


def split_thinking(text: str, *, opened: bool = True) -> tuple[str, str] | None:
    """Return (thinking, answer), the answer empty where the thinking has no end; None if there is none.

    Some templates write the opening tag into the prompt: without `opened` it may be missing.
    """
    body = text.lstrip()
    begins = body.startswith(OPEN)
    if not begins and (opened or body.startswith(("{", "[")) or OPEN in body or body.count(CLOSE) != 1):
        return None
    thinking, _, answer = body.removeprefix(OPEN).partition(CLOSE)
    return thinking.strip(), answer.strip()


def without_thinking(text: str) -> str:
    """Return the answer alone."""
    parts = split_thinking(text)
    return text if parts is None else parts[1]
