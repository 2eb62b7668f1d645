"""What training has shown so far, and what follows from it: running means, phases that ended by agreement,
the way of TAID's target.

Promise: a function of what was measured in the steps before, kept in every checkpoint, so that a run that was
interrupted continues as it would have.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from factory.recipe.distill import Distill, Until
from factory.student.step_settings import phase_at

_FILE = "pace.json"
_MEMORY = 0.9  # of a running mean: about ten steps


@dataclass
class Taid:
    """The share of the way from student to teacher at which the target stands (Shing et al., TAID, 2025,
    arXiv 2501.16937, section 3): it grows with the steps, and sooner where the divergence falls."""

    share: float = 0.4
    drop: float = 0.0
    last: float | None = None

    def step(self, value: float, done: float, pace: float) -> None:
        """Take in the divergence of a step, `done` of the stage, of whose way `pace` is one step."""
        if self.last is not None:
            fell = (self.last - value) / (abs(self.last) + 1e-6)
            self.drop = _MEMORY * self.drop + (1 - _MEMORY) * fell
            sooner = self.share + 2 * pace * (1 - self.share) * (1 + math.tanh(self.drop / 2))
            self.share = min(max(sooner, Taid.share + (1 - Taid.share) * done), 1.0)
        self.last = value


@dataclass
class Pace:
    """Running `means` by name, the step before which each phase that `ended` by agreement did, and TAID's
    target."""

    means: dict[str, float] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    taid: Taid = field(default_factory=Taid)

    def observe(self, settings: Distill, step: int, found: Mapping[str, float]) -> None:
        """Take in what a step, counted from 0, has measured: means over its positions in all processes."""
        for name, value in found.items():
            # On the student's own words there is no cross-entropy, and another divergence.
            known = "own_divergence" if name == "divergence" and "cross_entropy" not in found else name
            before = self.means.get(known, value)
            self.means[known] = _MEMORY * before + (1 - _MEMORY) * value
        phase = phase_at(settings, step, self.ended)
        until = settings.curriculum[phase].until if settings.curriculum else None
        if isinstance(until, Until) and "top1" in found and self.means["top1"] >= until.top1:
            self.ended[phase] = step + 1
        if settings.interpolate and {"cross_entropy", "divergence"} <= found.keys():
            self.taid.step(found["divergence"], (step + 1) / settings.steps, 1 / settings.steps)

    def save(self, folder: Path) -> None:
        """Write it into a checkpoint."""
        (folder / _FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Pace":
        """Read it from a checkpoint; one that an older version wrote has none."""
        if not (folder / _FILE).exists():
            return cls()
        read = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        ended = {int(phase): step for phase, step in read["ended"].items()}
        return cls(read["means"], ended, Taid(**read["taid"]))
