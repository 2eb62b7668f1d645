"""Judge of extracted fields for evaluators of others: are they all of the expected ones and no other?

This file is copied into exported task folders, so it needs nothing but Python. Where distill-factory is
installed the answer is read and compared by it; without it the text, thinking taken off, has to be an object
with the expected values, and the schema is not looked at.
"""

import json
import re
import unicodedata
from typing import Any


def judge(answer: dict[str, Any], expected: Any, about: dict[str, Any]) -> dict[str, bool]:
    """Return the verdict on an answer, {"text"}; `about` has the schema, `expected` the fields."""
    try:
        from factory.tasks.extract.form import form_of
    except ImportError:
        value = _object(answer["text"])
        right = value is not None and _plain(value) == _plain(expected)
    else:
        form = form_of(about["schema"])
        value, _, _ = form.read(answer["text"])
        right = value is not None and form.compared(value) == form.compared(expected)
    return {"answer_accuracy": right, "parse_rate": value is not None}


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(re.sub(r"\A\s*<think>.*?</think>", "", text, flags=re.DOTALL))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _plain(value: Any) -> str:
    """Return what is equal for values that say the same: 5 and 5.0, text in NFC without spaces around it."""
    return json.dumps(_normal(value), sort_keys=True)


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_normal(part) for part in value]
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip()
    return int(value) if isinstance(value, float) and value.is_integer() else value
