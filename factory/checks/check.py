"""What every check is: a name, the settings that decide its verdicts, and a judgement.

Most checks look at one sample. Some compare the draws of one task (`GroupCheck`), some compare a sample with
all that were kept before (`StreamCheck`). A check never raises on a sample, whatever is in it, and never
needs the teacher: checks can be run again at will. Adding one takes a file with a class here and a line in
`factory.checks.registry`.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from factory.system.digest import content_id
from factory.tasks.sample import Sample
from factory.text.reasons import Reason


@dataclass(frozen=True)
class Verdict:
    """One check's judgement. `reason` is a code, "ok" when passed; `detail` is for a person."""

    passed: bool
    reason: Reason = "ok"
    detail: str = ""
    score: float | None = None


OK = Verdict(True)


class Check(Protocol):
    """A check of single samples."""

    name: str
    settings: dict[str, Any]

    def judge(self, sample: Sample) -> Verdict:
        """Return the verdict on one sample."""
        ...


class GroupCheck(Protocol):
    """A check of the draws of one task. Its settings are its own: what it hangs on beside them, the suite
    adds to its key."""

    name: str
    settings: dict[str, Any]

    def judge_draws(self, draws: list[Sample], clean: list[bool]) -> list[Verdict]:
        """Return a verdict on each draw; `clean` says which passed every check before this one."""
        ...


class StreamCheck(Check, Protocol):
    """A check that compares a sample with those that were kept before it."""

    def keep(self, sample: Sample) -> None:
        """Take a sample that passed every check among those that later ones are compared with."""
        ...


def check_key(name: str, settings: dict[str, Any]) -> str:
    """Return the name of a check with its settings: other settings give other verdicts beside the old
    ones."""
    return f"{name}@{content_id(settings)[3:15]}"
