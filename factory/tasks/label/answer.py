"""A label as it is written: by the teacher as a JSON string, which its grammar holds it to, by the student
alone.

A JSON string and no object, because its first token behind the quote tells the label; and no label in quotes
is the beginning of another one, as `bill` is of `billing`.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any

from factory.chat_formats.unreadable import unreadable
from factory.text.reasons import Reason
from factory.text.strict_json import JsonFault, strict_json
from factory.text.thinking import without_thinking
from factory.text.visible import escape_hidden, truncate


def quoted(label: str) -> str:
    """Return a label as the teacher writes it."""
    return json.dumps(label, ensure_ascii=False)


def label_schema(labels: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema of an answer: one of the labels."""
    return {"type": "string", "enum": list(labels)}


def read_label(text: str, labels: Collection[str]) -> tuple[str | None, Reason | None, str]:
    """Return (label, None, ""), or (None, reason, detail): a reason of `unreadable`, or unknown_label.
    Read is a JSON string or a bare label, whoever wrote it."""
    said = without_thinking(text)
    if found := unreadable(said):
        return None, *found
    try:
        value = strict_json(said)
    except JsonFault:
        value = None
    label = value if isinstance(value, str) and value in labels else said.strip()
    if label in labels:
        return label, None, ""
    return None, "unknown_label", truncate(escape_hidden(label), 200)
