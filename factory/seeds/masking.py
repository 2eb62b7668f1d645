"""Personal data in the rows of a source, before anything of them is kept.

Promise: `mask` exchanges each for a placeholder such as `[MAIL_1]`, the same one throughout a row, in texts,
in numbers and in JSON that stands in a text; `refuse` says what a row holds. Neither keeps or repeats what it
found. Not promised: what `factory.text.personal` does not find.
"""

import dataclasses
import json
import re
from collections import Counter
from typing import Any, Literal

from factory.seeds.format import Content
from factory.system.digest import canonical_json
from factory.text.personal import WORDS, What, personal

Treatment = Literal["mask", "refuse", "keep"]
_DIGITS = re.compile(r"\d{7,19}")


class Masker:
    """The placeholders of one row."""

    def __init__(self) -> None:
        self._names: dict[tuple[What, str], str] = {}
        self._counts: Counter[What] = Counter()

    @property
    def found(self) -> dict[What, int]:
        """How many different ones of each there were."""
        return dict(self._counts)

    def told(self) -> str:
        """Return what was found, in words."""
        return " and ".join(WORDS[what] for what in self._counts)

    def text(self, text: str, name: str = "") -> str:
        """Return a text with placeholders; JSON in it stays JSON. `name` is what stands before it, such as
        the key `phone`."""
        if text.lstrip()[:1] in ("{", "[") and (value := _json(text)) is not None:
            masked = self.value(value)
            if masked != value:
                return json.dumps(masked, ensure_ascii=False)
            # A key that stands there twice has lost its first value.
        parts, place = [], 0
        start = f"{name.replace('_', ' ')}: " if name else ""
        for one in personal(start + text):
            if one.start >= len(start):
                parts += [text[place : one.start - len(start)], self._name(one.what, one.normal)]
                place = one.end - len(start)
        return "".join([*parts, text[place:]])

    def row(self, value: Any) -> Any:
        """Return a row with placeholders. An id that is personal is left out, for `[MAIL_1]` is in every
        row."""
        masked = self.value(value)
        if isinstance(value, dict) and "id" in value and masked.get("id") != value["id"]:
            del masked["id"]
        return masked

    def value(self, value: Any, name: str = "") -> Any:
        """Return a JSON value with placeholders, in keys and numbers too."""
        if isinstance(value, str):
            return self.text(value, name)
        if isinstance(value, list):
            return [self.value(part, name) for part in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(part, key) for key, part in value.items()}
        if isinstance(value, int) and _DIGITS.fullmatch(str(value)):
            masked = self.text(str(value), name)
            return value if masked == str(value) else masked
        return value

    def _name(self, what: What, normal: str) -> str:
        if (what, normal) not in self._names:
            self._counts[what] += 1
            self._names[what, normal] = f"[{what}_{self._counts[what]}]"
        return self._names[what, normal]


def masked(content: Content, masker: Masker) -> Content:
    """Return a task with placeholders: parts of a text that were joined may hold what no part held."""
    texts = {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
    new = {name: masker.text(text) for name, text in texts.items()}
    if new["conversation"] != texts["conversation"]:
        new["conversation"] = canonical_json(json.loads(new["conversation"]))
    return Content(**new) if new != texts else content


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
