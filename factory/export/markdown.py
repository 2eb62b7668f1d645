"""Markdown of cards, with everything that comes from a store quoted inert: names in code spans, files in a
fence longer than any run of backticks in them, hidden characters written out (see `factory.text.visible`)."""

import re
from collections.abc import Iterable

from factory.text.visible import escape_hidden, truncate


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def code(text: str) -> str:
    """Return text as a code span of one line that a table can hold."""
    visible = escape_hidden(truncate(text, 200)).replace("\n", "␊").replace("\t", "␉").replace("|", "\\|")
    ticks = "`" * (_longest_run(visible) + 1)
    return (
        f"{ticks} {visible} {ticks}" if "`" in visible or not visible.strip() else f"{ticks}{visible}{ticks}"
    )


def fenced(text: str, language: str) -> str:
    """Return text as a block of code."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{escape_hidden(text).rstrip()}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
