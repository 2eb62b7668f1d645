"""`personal`: what the teacher wrote holds no personal data that its seed did not."""

import json
from collections.abc import Iterable
from typing import Any

from factory.checks.check import OK, Verdict
from factory.seeds.seed import Seed
from factory.tasks.sample import Sample
from factory.text.personal import WORDS, personal

Pieces = set[tuple[str, str]]


class PersonalCheck:
    """Fails with personal_data; the detail says what of, and never repeats it."""

    name = "personal"

    def __init__(self, seeds: Iterable[Seed] = ()):
        # The patterns are code: whoever changes what they find changes this number.
        self.settings: dict[str, Any] = {"patterns": 1}
        self._seeds = {seed.seed_id: seed for seed in seeds}
        self._known: dict[str, Pieces] = {}

    def judge(self, sample: Sample) -> Verdict:
        task = sample.task
        written = [task.question, task.input, sample.text, sample.rationale, sample.answer, sample.result]
        new = _pieces(*written, *_texts(sample.messages), *_texts(sample.call)) - self._of_seed(task.seed_id)
        if not new:
            return OK
        found = sorted({WORDS[what] for what in WORDS if any(what == one for one, _ in new)})
        return Verdict(False, "personal_data", ", ".join(found))

    def _of_seed(self, seed_id: str) -> Pieces:
        if seed_id not in self._known and (seed := self._seeds.get(seed_id)):
            self._known[seed_id] = _pieces(
                seed.question, seed.reference, seed.input, seed.rationale, *_texts(seed.conversation)
            )
        return self._known.get(seed_id, set())


def _pieces(*texts: str | None) -> Pieces:
    return {(one.what, one.normal) for text in texts if text for one in personal(text)}


def _texts(value: Any) -> list[str]:
    """Return the texts in a JSON value, JSON within them read too."""
    if isinstance(value, str):
        try:
            inner = json.loads(value) if value.lstrip()[:1] in ("{", "[") else None
        except (ValueError, RecursionError):
            inner = None
        return [value] if inner is None else _texts(inner)
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [str(value)] if isinstance(value, int) else []
