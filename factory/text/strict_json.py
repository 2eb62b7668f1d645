"""Strict parser for untrusted JSON: rejects more than `json.loads` does.

Promise: what comes back can be written as canonical JSON and as UTF-8; anything else is a `JsonFault`, a
ValueError with a reason code, the same one however deep the caller's stack is. Refused: duplicate keys, NaN
and infinities (1e999 among them), lone surrogates, and more than `MAX_DEPTH` levels of nesting. Not promised:
a limit on size.
"""

import json
import re
from typing import Any, NoReturn

from factory.system.digest import canonical_json
from factory.text.reasons import ReasonCode

MAX_DEPTH = 64

# What the decoder stumbles over when a text ends inside a literal, a number or an escape.
_LAST_WORDS = re.compile(r"|t|tr|tru|f|fa|fal|fals|n|nu|nul|-|\.|[eE][-+]?|u[0-9a-fA-F]{0,4}")


class JsonFault(ValueError):
    """The text is no JSON value that is taken: `reason` is truncated_json, not_json, not_finite, not_text or
    too_deep."""

    def __init__(self, reason: ReasonCode, message: str):
        super().__init__(message)
        self.reason = reason


def strict_json(text: str | bytes) -> Any:
    """Return the one JSON value that `text` holds; raise JsonFault."""
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except RecursionError:
        raise JsonFault("too_deep", "nested too deeply") from None
    except JsonFault:
        raise
    except json.JSONDecodeError as error:
        raise JsonFault("truncated_json" if _ends_inside(error) else "not_json", str(error)) from None
    except ValueError as error:
        raise JsonFault("not_json", str(error)) from None
    _require_shallow(value)
    try:
        canonical_json(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise JsonFault("not_text", str(error)) from None
    except ValueError as error:
        raise JsonFault("not_finite", str(error)) from None
    return value


def _ends_inside(error: json.JSONDecodeError) -> bool:
    """Return whether a text is the beginning of an object or a list, and ends before it does."""
    rest = error.doc[error.pos :].rstrip()
    return error.doc.lstrip()[:1] in ("{", "[") and (
        error.msg.startswith("Unterminated") or bool(_LAST_WORDS.fullmatch(rest))
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise JsonFault("not_json", "a key is duplicated")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise JsonFault("not_finite", f"{name} is not JSON")


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
    if level:
        raise JsonFault("too_deep", "nested too deeply")
