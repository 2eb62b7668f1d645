"""Thinking in a model's text: what stands in `<think>…</think>` before the answer, or in the signs that other
families of models have for it.

Promise: linear time. Only what stands before the answer is taken off, so tags further behind stay what they
are, control tokens. Where a template writes `<think>` itself, the text begins inside: what is before its only
`</think>` is thinking then, unless the text begins as JSON. The signs of other families count only in pairs.
"""

OPEN, CLOSE = "<think>", "</think>"
_OTHERS = (
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # Gemini
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Cohere
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # gpt-oss
    ("analysis", "assistantfinal"),  # the same where a server leaves special tokens out
)
_LEFT_OVER = ("<|start|>assistant", "<|end|>")


def split_thinking(text: str) -> tuple[str, str]:
    """Return (thinking, answer): ("", text) where nothing was thought, an empty answer where thinking never
    ends."""
    body = text.lstrip()
    for opens, closes in _OTHERS:
        if body.startswith(opens) and closes in body:
            thinking, _, answer = body.removeprefix(opens).partition(closes)
            for token in _LEFT_OVER:
                thinking = thinking.removesuffix(token)
            return thinking.strip(), answer.strip().removesuffix("<|return|>")
    if not body.startswith(OPEN) and (body.startswith(("{", "[")) or OPEN in body or body.count(CLOSE) != 1):
        return "", text
    thinking, _, answer = body.removeprefix(OPEN).partition(CLOSE)
    return thinking.strip(), answer.strip()


def without_thinking(text: str) -> str:
    """Return the answer alone."""
    return split_thinking(text)[1]


def with_thinking(thinking: str, answer: str) -> str:
    """Return one text of both, in the form that `split_thinking` reads."""
    return f"{OPEN}\n{thinking}\n{CLOSE}\n\n{answer}" if thinking else answer
