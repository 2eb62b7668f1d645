"""Judge of a label for evaluators of others: is the text the label that is expected?

This file is copied into exported task folders, so it needs nothing but Python. Where distill-factory is
installed the answer is read by it; without it the text, thinking and quotes taken off, has to be a label.
"""

import json
import re
from typing import Any


def judge(answer: dict[str, Any], expected: Any, about: dict[str, Any]) -> dict[str, bool]:
    """Return the verdict on an answer, {"text"}; `about` has the labels."""
    label = _label(answer["text"], about["labels"])
    return {"answer_accuracy": label is not None and label == expected, "parse_rate": label is not None}


def _label(text: str, labels: list[str]) -> str | None:
    try:
        from factory.tasks.label.answer import read_label
    except ImportError:
        said = re.sub(r"\A\s*<think>.*?</think>", "", text, flags=re.DOTALL).strip()
        try:
            value = json.loads(said)
        except ValueError:
            value = said
        return next((label for label in labels if label in (value, said)), None)
    return read_label(text, labels)[0]
