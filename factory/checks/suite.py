"""All checks of a recipe over the tasks of a run, in the tasks' order.

Promise: the verdicts follow from the samples and their order alone, so judging again gives the same ones.
Checks of single samples come first, then those that compare the draws of a task, then those that compare with
what was kept; a sample that failed one check is still judged by the others, but never blocks a later one.

A verdict that depends on more than its sample has that in its key: for the checks of draws and of the stream
the settings are joined by the plan, which decides what the other samples are, and by the other checks, which
decide what of them counts. The store keeps a verdict under its key for good.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from factory.checks.check import Check, GroupCheck, StreamCheck, Verdict, check_key
from factory.tasks.sample import Sample
from factory.text.visible import truncate

MAX_DETAIL = 500  # characters; the sample has all of it


@dataclass(frozen=True)
class CheckedSample:
    """A sample with its verdict rows, as the store keeps them."""

    sample: Sample
    verdicts: list[dict[str, Any]]

    @property
    def accepted(self) -> bool:
        return all(verdict["passed"] for verdict in self.verdicts)


@dataclass(frozen=True)
class CheckSuite:
    """The checks of a recipe. A suite remembers what it kept: one suite judges one run. `plan` is the id of
    its samples' plan."""

    single: list[Check]
    draws: list[GroupCheck]
    stream: list[StreamCheck]
    plan: str = ""

    @cached_property
    def keys(self) -> list[str]:
        """The keys of the verdicts in the store: single samples' first, then those of draws,
        then the stream's."""
        keys = [check_key(check.name, check.settings) for check in self.single]
        for group in self.draws:
            keys.append(self._key_among(group, keys))
        # What one stream check refuses is kept by none of them: each hangs on all the others, not only on
        # those before it.
        rules = [check_key(check.name, check.settings) for check in self.stream]
        streams = [
            self._key_among(check, keys + rules[:place] + rules[place + 1 :])
            for place, check in enumerate(self.stream)
        ]
        return keys + streams

    def _key_among(self, check: GroupCheck | StreamCheck, others: list[str]) -> str:
        return check_key(check.name, {**check.settings, "others": sorted(others), "plan": self.plan})

    def judge(self, samples: list[Sample]) -> list[CheckedSample]:
        """Judge the draws of the next task."""
        verdicts = [[(check.name, check.judge(sample)) for check in self.single] for sample in samples]
        for group in self.draws:
            clean = [all(verdict.passed for _, verdict in given) for given in verdicts]
            for given, verdict in zip(verdicts, group.judge_draws(samples, clean), strict=True):
                given.append((group.name, verdict))
        for sample, given in zip(samples, verdicts, strict=True):
            given += [(check.name, check.judge(sample)) for check in self.stream]
            if all(verdict.passed for _, verdict in given):
                for check in self.stream:
                    check.keep(sample)
        return [
            CheckedSample(
                sample,
                [verdict_row(sample.sample_id, key, *one) for key, one in zip(self.keys, given, strict=True)],
            )
            for sample, given in zip(samples, verdicts, strict=True)
        ]


def verdict_row(sample_id: str, key: str, name: str, verdict: Verdict) -> dict[str, Any]:
    """Return the row of a verdict as the store keeps it."""
    return {
        "sample_id": sample_id,
        "check_key": key,
        "check_name": name,
        "passed": verdict.passed,
        "reason": verdict.reason,
        "score": verdict.score,
        "detail": truncate(verdict.detail, MAX_DETAIL) or None,
    }
