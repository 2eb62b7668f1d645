"""`dedup`: rejects a sample that repeats one that was kept before.

Exact: the same content id. Near: ROUGE-L at or above `threshold`, Alpaca's rule against everything that came
before. Semantic: cosine at or above `semantic`.
"""

from functools import cached_property
from typing import Any

from factory.checks.check import OK, Verdict
from factory.checks.semantic import SemanticIndex
from factory.checks.sentence_encoder import MAX_TOKENS, PACKAGE, VERSION, WINDOW, require_encoder
from factory.tasks.sample import Sample
from factory.text.near import MAX_CHARACTERS, NearIndex


class DedupCheck:
    """Fails with duplicate, near_duplicate or semantic_duplicate; the detail names the sample that was kept.

    FactoryError if a semantic threshold is given and the encoder is not installed.
    """

    name = "dedup"

    def __init__(self, *, threshold: float | None, semantic: float | None):
        self.settings: dict[str, Any] = {"threshold": threshold, "semantic": semantic}
        if threshold is not None:
            self.settings["characters"] = MAX_CHARACTERS
        if semantic is not None:
            require_encoder()
            self.settings["encoder"] = [PACKAGE, VERSION, WINDOW, MAX_TOKENS]
        self._exact: dict[str, str] = {}

    # Both are made at the first sample: the settings alone are asked for often, and the encoder takes seconds
    # and 95 MB.
    @cached_property
    def _near(self) -> NearIndex | None:
        threshold = self.settings["threshold"]
        return None if threshold is None else NearIndex(threshold)

    @cached_property
    def _semantic(self) -> SemanticIndex | None:
        threshold = self.settings["semantic"]
        return None if threshold is None else SemanticIndex(threshold)

    def judge(self, sample: Sample) -> Verdict:
        if (kept := self._exact.get(sample.dedup_key)) is not None:
            return Verdict(False, "duplicate", kept, 1.0)
        if self._near is not None and (near := self._near.nearest(sample.said)):
            return Verdict(False, "near_duplicate", *near)
        if self._semantic is not None and (alike := self._semantic.nearest(sample.said)):
            return Verdict(False, "semantic_duplicate", *alike)
        return OK

    def keep(self, sample: Sample) -> None:
        self._exact[sample.dedup_key] = sample.sample_id
        for index in (self._near, self._semantic):
            if index is not None:
                index.add(sample.sample_id, sample.said)
