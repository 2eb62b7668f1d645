"""`dedup`: a sample that says the same as another of the plan is kept once.

Promise: exactly one of those with the same content id passes, the first in the plan's order among the ones that pass the other checks;
the outcome does not depend on the order in which answers arrived.
"""

from collections.abc import Iterable
from typing import Any

from factory.checks.check import OK, Verdict


class DedupCheck:
    """Judges the samples of a whole plan together."""

    name = "dedup"

    def __init__(self, plan_id: str):
        self.settings: dict[str, Any] = {"plan": plan_id}

    def judge_all(self, samples: Iterable[dict[str, Any]]) -> dict[str, Verdict]:
        """Return verdicts by sample id.

        Each sample has sample_id, content_id, position, clean (the other checks passed), standing (it passed this check before: that
        stays).
        """
        first: dict[str, str] = {}
        verdicts = {}
        for sample in sorted(samples, key=lambda row: (not row["standing"], not row["clean"], row["position"])):
            kept = first.setdefault(sample["content_id"], sample["sample_id"])
            verdicts[sample["sample_id"]] = OK if kept == sample["sample_id"] else Verdict(False, "duplicate", kept)
        return verdicts
