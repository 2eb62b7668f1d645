"""The gate of training: which student ships, the last one or the last fine-tuned one.

What comes after fine-tuning has to earn its place: the last student ships if it writes at least as many of
the set-aside rows exactly. Held-out tasks have no part in it. Promise: the choice follows from what the
stages themselves have measured, so that it is the same after a kill; it is in the merged student's `about`
with both figures, and in the store (`gates`).
"""

from dataclasses import dataclass
from typing import Any

from factory.context.lineage import Planned
from factory.student.exact import Exact


@dataclass(frozen=True)
class Trained:
    """What a stage left, by its name in the log; `exact` is None where nothing was set aside."""

    stage: str
    adapter: Planned
    exact: Exact | None


@dataclass(frozen=True)
class Choice:
    """The students that were compared, and which one ships."""

    last: Trained
    fine_tuned: Trained
    loss: float  # of the last one beside the fine-tuned one, in share of the rows

    @property
    def passed(self) -> bool:
        """Whether the last one ships."""
        return self.loss <= 0

    @property
    def shipped(self) -> Trained:
        return self.last if self.passed else self.fine_tuned

    @property
    def about(self) -> dict[str, Any]:
        """What the merged student's `about` says of it."""
        assert self.last.exact and self.fine_tuned.exact
        return {
            "shipped": self.shipped.stage,
            "last": self.last.stage,
            "exact": self.last.exact.share,
            "fine_tuned": self.fine_tuned.stage,
            "fine_tuned_exact": self.fine_tuned.exact.share,
            "rows": self.last.exact.rows,
        }

    @property
    def row(self) -> dict[str, Any]:
        """The line of the table `gates`."""
        return {
            "artifact_id": self.last.adapter.artifact_id,
            "baseline_id": self.fine_tuned.adapter.artifact_id,
            "accuracy_drop": self.loss,
            "max_accuracy_drop": 0.0,
            "passed": self.passed,
        }

    def __str__(self) -> str:
        return (
            f"of the set-aside rows {self.last.stage} writes {self.last.exact} exactly, "
            f"{self.fine_tuned.stage} {self.fine_tuned.exact}: the student after {self.shipped.stage} ships"
        )


def choose(last: Trained, fine_tuned: Trained) -> Choice | None:
    """Return the choice between two students, None where nothing was set aside to compare them on."""
    if last.exact is None or fine_tuned.exact is None:
        return None
    return Choice(last, fine_tuned, round(fine_tuned.exact.share - last.exact.share, 9))
