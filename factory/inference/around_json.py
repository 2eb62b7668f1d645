"""What models write around JSON that was asked for: a code fence, the tags of a call, quotes.

Promise: what is taken off stands around the whole text and is named; a text with anything else before or
behind its JSON stays as it is, and is judged so. Linear time.
"""

import json
import re

_FENCE = re.compile(r"```+|~~~+")
_WORD = re.compile(r"[\w+-]*[ \t]*")
_CALL, _END = "<tool_call>", "</tool_call>"  # as models write that are taught to call tools
_UNSEEN = "\ufeff\u200b\u2060"


def bare_json(text: str, *, several: bool) -> tuple[str, list[str]]:
    """Return a text without what is around its JSON, and in what it stood; the text itself if in nothing.
    `several`: a list was asked for."""
    found: list[str] = []
    body = text.strip()
    if body.startswith(tuple(_UNSEEN)):
        body, found = body.lstrip(_UNSEEN).strip(), ["behind signs that nobody sees"]
    if (inside := _unfenced(body)) is not None:
        body, found = inside, [*found, "in code fences"]
    if (inside := _called(body, several)) is not None:
        body, found = inside, [*found, f"in {_CALL} tags"]
    if (inside := _unquoted(body)) is not None:
        body, found = inside, [*found, "in quotes"]
    return (body, found) if found else (text, found)


def _unfenced(body: str) -> str | None:
    fence = _FENCE.match(body)
    if fence is None or not body.endswith(fence.group()) or len(body) < 2 * fence.end():
        return None
    inner = body[fence.end() : -fence.end()]
    line, end, rest = inner.partition("\n")
    if end and not {"{", "["} & set(line):
        return rest.strip()
    rest = inner[_WORD.match(inner).end() :]  # type: ignore[union-attr]
    return rest.strip() if rest.startswith(("{", "[")) else None


def _called(body: str, several: bool) -> str | None:
    if not body.startswith(_CALL):
        return None
    parts = [part.partition(_END) for part in body.split(_CALL)[1:]]
    if any(rest.strip() for _, _, rest in parts):
        return None
    calls = [call.strip() for call, _, _ in parts]
    if len(calls) == 1 and (not several or calls[0].startswith("[")):
        return calls[0]
    return f"[{', '.join(calls)}]"


def _unquoted(body: str) -> str | None:
    if not body.startswith('"'):
        return None
    try:
        inner = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return inner.strip() if isinstance(inner, str) and inner.strip().startswith(("{", "[")) else None
