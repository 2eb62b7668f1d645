"""What has been accepted so far, as a kind sees it."""

from dataclasses import dataclass, field

from factory.tasks.sample import Sample


@dataclass
class Judged:
    """A pool in which each task has one sample or none, in order."""

    samples: list[Sample | None] = field(default_factory=list)

    @property
    def judged(self) -> int:
        return len(self.samples)

    def accepted(self, before: int) -> list[Sample]:
        return [sample for sample in self.samples[:before] if sample is not None]


NOTHING = Judged()
