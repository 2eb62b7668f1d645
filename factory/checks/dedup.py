"""`dedup`: a sample that says the same as one that was kept before it is one too many.

Exact: the same content id. Near: ROUGE-L at or above `threshold`, Alpaca's rule against everything that came before. Semantic: cosine at or
above `semantic`.
"""

from typing import Any

from factory.checks.check import OK, Verdict
from factory.checks.near import NearIndex
from factory.checks.semantic import SemanticIndex
from factory.tasks.sample import Sample


class DedupCheck:
    """Fails with duplicate, near_duplicate or semantic_duplicate; the detail names the sample that was kept."""

    name = "dedup"

    def __init__(self, *, threshold: float | None, semantic: float | None):
        self.settings: dict[str, Any] = {"threshold": threshold, "semantic": semantic}
        self._exact: dict[str, str] = {}
        self._near = NearIndex(threshold) if threshold is not None else None
        self._semantic = SemanticIndex(semantic) if semantic is not None else None

    def judge(self, sample: Sample) -> Verdict:
        if (kept := self._exact.get(sample.content_id)) is not None:
            return Verdict(False, "duplicate", kept, 1.0)
        if self._near is not None and (near := self._near.nearest(sample.said)):
            return Verdict(False, "near_duplicate", *near)
        if self._semantic is not None and (alike := self._semantic.nearest(sample.said)):
            return Verdict(False, "semantic_duplicate", *alike)
        return OK

    def keep(self, sample: Sample) -> None:
        self._exact[sample.content_id] = sample.sample_id
        for index in (self._near, self._semantic):
            if index is not None:
                index.add(sample.sample_id, sample.said)
