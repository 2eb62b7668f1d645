"""What became of the answers that were asked for, in all and by check."""

from pydantic import computed_field

from factory.report.part import Count, Part


class ReasonCount(Part):
    """How often a check gave one reason code."""

    reason: str
    count: Count


class CheckYield(Part):
    """What one check let through."""

    check: str
    passed: Count
    failed: Count
    reasons: list[ReasonCount] = []


class Yield(Part):
    """What became of the answers asked for, every draw counted. A check sees only what it was given: totals
    differ between checks. Of the accepted, `edited` are no answers of the teacher's but what people made of
    them, and `overruled` are those that a person accepted against a check."""

    asked: Count = 0
    answered: Count = 0
    accepted: Count = 0
    edited: Count = 0
    overruled: Count = 0
    rejected: Count = 0
    by_check: list[CheckYield] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def share(self) -> float | None:
        """Accepted samples for each answer asked for; None if nothing was asked."""
        return self.accepted / self.asked if self.asked else None
