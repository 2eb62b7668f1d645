"""Rows of a JSON Lines file in `data/`, read as the factory reads what strangers write, and rules that hold
for each of them."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from factory.text.strict_json import strict_json

DATA = Path(__file__).parents[2] / "data"

Row = dict[str, Any]
Rule = Callable[[Row], None]


def read(name: str) -> list[Row]:
    """Return the objects of a file in `data/`; ValueError for a line that is not strict JSON, blank lines
    included."""
    return [
        strict_json(line) for line in (DATA / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    ]


def language_of(text: str) -> str:
    """Return `zh` for a text with more Chinese characters than Latin words, else `en`."""
    return "zh" if len(re.findall(r"[\u4e00-\u9fff]", text)) > len(re.findall(r"[A-Za-z]+", text)) else "en"


def for_each(tasks: Iterable[Row]) -> Callable[[Rule], Callable[[], None]]:
    """Make of a rule, which asserts something of one row, a test that all rows keep it; the test tells every
    fault with the row's id."""

    def decorate(rule: Rule) -> Callable[[], None]:
        def test() -> None:
            faults = []
            for task in tasks:
                try:
                    rule(task)
                except Exception as error:
                    faults.append(f"{task['id']}: {type(error).__name__}: {error}")
            assert not faults, f"{len(faults)} rows break a rule\n" + "\n".join(faults)

        test.__name__ = test.__qualname__ = rule.__name__
        test.__doc__, test.__module__ = rule.__doc__, rule.__module__
        return test

    return decorate
