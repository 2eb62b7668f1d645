"""Rows of a JSON Lines file in `data/`, read as the factory reads what strangers write."""

import re
from pathlib import Path
from typing import Any

from factory.tasks.strict_json import strict_json

DATA = Path(__file__).parents[2] / "data"

Row = dict[str, Any]


def read(name: str) -> list[Row]:
    """Return the objects of a file in `data/`; ValueError for a line that is not strict JSON, blank lines included."""
    return [strict_json(line) for line in (DATA / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")]


def language_of(text: str) -> str:
    """Return `zh` for a text with more Chinese characters than Latin words, else `en`."""
    return "zh" if len(re.findall(r"[\u4e00-\u9fff]", text)) > len(re.findall(r"[A-Za-z]+", text)) else "en"
