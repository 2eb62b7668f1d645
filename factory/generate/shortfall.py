"""Why fewer samples were accepted than a recipe asks for: which checks took how many, and what to try.

Promise: each rejected sample counts once, for the first check that it failed. Memory: a count for each check
and reason.
"""

from collections import Counter
from collections.abc import Iterator

from factory.checks.suite import CheckedSample
from factory.text.reasons import sentence

_REASONS = 3
_LARGER = "take a larger teacher, or show it more worked examples (data.examples)"
# What is to be tried where a check takes many.
_TRY = {
    "schema": _LARGER,
    "execution": f"{_LARGER}; look at the tools and the references",
    "finish_reason": "raise teacher.sampling.max_tokens",
    "agreement": f"{_LARGER}; look at the references",
    "degenerate": "look at the answers: factory audit rejected",
    "length": "set other limits in the check length",
    "judge": "lower min_score of the check judge, or take a larger teacher",
    "dedup": "add seeds that differ more, or raise the threshold of the check dedup",
    "decontamination": "take seeds and held-out tasks apart",
    "personal": "mask what the seeds hold (data.personal: mask)",
    "selection": "keep more answers of a question (data.keep, data.max_kept), or add seeds",
}


class Rejections:
    """What was judged, and which check took how many for which reason."""

    def __init__(self) -> None:
        self.judged = 0
        self._reasons: dict[str, Counter[str]] = {}

    def add(self, samples: list[CheckedSample]) -> None:
        """Take the samples of a task that was judged."""
        self.judged += len(samples)
        for checked in samples:
            first = next((verdict for verdict in checked.verdicts if not verdict["passed"]), None)
            if first is not None:
                self._reasons.setdefault(first["check_name"], Counter())[first["reason"]] += 1

    @property
    def by_check(self) -> list[tuple[str, Counter[str]]]:
        """The checks and their reasons, the one that took most first."""
        return sorted(self._reasons.items(), key=lambda taken: (-taken[1].total(), taken[0]))

    def told(self, ended: str, requests: int) -> Iterator[str]:
        """Yield, a line each, what was rejected and what to try; `ended` says why no more was made of so many
        requests."""
        rejected = sum(reasons.total() for _, reasons in self.by_check)
        if rejected:
            yield f"of {self.judged} samples {rejected} were rejected:"
            for check, reasons in self.by_check:
                most = "; ".join(
                    f"{count} {reason} ({sentence(reason)})"
                    for reason, count in reasons.most_common(_REASONS)
                )
                more = "; …" if len(reasons) > _REASONS else ""
                yield f"  {check} took {reasons.total()}: {most}{more}"
        else:
            yield f"none of {self.judged} samples was rejected"
        more_of = "add seeds"
        if "budget" in ended:
            more_of = "raise data.budget"
            more_of += f", such as {{requests: {2 * requests}}}" if "requests" in ended else ""
        worst = [_TRY[check] for check, _ in self.by_check[:1] if check in _TRY]
        yield f"what to try: {'; '.join([*worst, more_of])}"
