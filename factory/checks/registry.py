"""Which check a name in a recipe means, and the keys under which their verdicts stand in the store."""

from dataclasses import dataclass
from typing import Any

from factory.checks.check import Check, Judged, Verdict, check_key
from factory.checks.decontamination import DecontaminationCheck
from factory.checks.dedup import DedupCheck
from factory.checks.execution import ExecutionCheck
from factory.checks.finish_reason import FinishReasonCheck
from factory.checks.schema import SchemaCheck
from factory.seeds.seed import Seed
from factory.tasks.tool_call import ToolCallKind


@dataclass(frozen=True)
class Checks:
    """The checks of a recipe: those that judge a sample by itself, and the one that compares samples."""

    single: list[Check]
    dedup: DedupCheck | None

    @property
    def keys(self) -> list[str]:
        """The keys of all checks, in the recipe's terms."""
        keys = [check_key(check.name, check.settings) for check in self.single]
        return keys + ([check_key(self.dedup.name, self.dedup.settings)] if self.dedup else [])

    def judge(self, judged: Judged) -> list[dict[str, Any]]:
        """Return the verdict rows of one sample by the checks that judge it by itself."""
        return [verdict_row(judged.sample.sample_id, check.name, check.settings, check.judge(judged)) for check in self.single]


def build_checks(names: tuple[str, ...], kind: ToolCallKind, held_out: list[Seed], plan_id: str) -> Checks:
    """Return the checks that a recipe names."""
    single: dict[str, Check] = {
        "schema": SchemaCheck(kind.tools),
        "execution": ExecutionCheck(kind),
        "finish_reason": FinishReasonCheck(),
        "decontamination": DecontaminationCheck(held_out),
    }
    return Checks([single[name] for name in names if name in single], DedupCheck(plan_id) if "dedup" in names else None)


def verdict_row(sample_id: str, name: str, settings: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Return the row of a verdict as the store keeps it."""
    return {
        "sample_id": sample_id,
        "check_key": check_key(name, settings),
        "check_name": name,
        "passed": verdict.passed,
        "reason": verdict.reason,
        "score": verdict.score,
        "detail": verdict.detail or None,
    }
