"""All checks of a recipe over the tasks of a run, in the tasks' order.

Promise: the verdicts follow from the samples and their order alone, so judging again gives the same ones. Checks of single samples come
first, then those that compare the draws of a task, then those that compare with what was kept; a sample that failed one check is still
judged by the others, but never stands in the way of a later one.
"""

from dataclasses import dataclass
from typing import Any

from factory.checks.check import Check, GroupCheck, StreamCheck, Verdict, check_key
from factory.tasks.sample import Sample
from factory.visible import cut

MAX_DETAIL = 500  # characters; the whole stands in the sample


@dataclass(frozen=True)
class Judgement:
    """A sample with its verdict rows, as the store keeps them."""

    sample: Sample
    verdicts: list[dict[str, Any]]

    @property
    def accepted(self) -> bool:
        return all(verdict["passed"] for verdict in self.verdicts)


@dataclass(frozen=True)
class Jury:
    """The checks of a recipe. A jury remembers what it kept: one jury judges one run."""

    single: list[Check]
    draws: list[GroupCheck]
    stream: list[StreamCheck]

    @property
    def keys(self) -> list[str]:
        """The keys under which the verdicts stand in the store."""
        checks: list[Check | GroupCheck] = [*self.single, *self.draws, *self.stream]
        return [check_key(check.name, check.settings) for check in checks]

    def judge(self, samples: list[Sample]) -> list[Judgement]:
        """Judge the draws of the next task."""
        verdicts: list[list[tuple[str, dict[str, Any], Verdict]]] = [
            [(check.name, check.settings, check.judge(sample)) for check in self.single] for sample in samples
        ]
        for group in self.draws:
            clean = [all(verdict.passed for _, _, verdict in given) for given in verdicts]
            for given, verdict in zip(verdicts, group.judge_draws(samples, clean), strict=True):
                given.append((group.name, group.settings, verdict))
        for sample, given in zip(samples, verdicts, strict=True):
            given += [(check.name, check.settings, check.judge(sample)) for check in self.stream]
            if all(verdict.passed for _, _, verdict in given):
                for check in self.stream:
                    check.keep(sample)
        return [
            Judgement(sample, [verdict_row(sample.sample_id, *one) for one in given])
            for sample, given in zip(samples, verdicts, strict=True)
        ]


def verdict_row(sample_id: str, name: str, settings: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Return the row of a verdict as the store keeps it."""
    return {
        "sample_id": sample_id,
        "check_key": check_key(name, settings),
        "check_name": name,
        "passed": verdict.passed,
        "reason": verdict.reason,
        "score": verdict.score,
        "detail": cut(verdict.detail, MAX_DETAIL) or None,
    }
