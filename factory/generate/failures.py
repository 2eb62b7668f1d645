"""Failures of a run in which nothing was accepted: is there any sense in asking on, and what does a person
have to know?

Promise: a run is hopeless after `FEW` tasks that all failed for one reason that lies in how the teacher is
asked or reached (`REMEDIES`), and after `MANY` that failed for whatever reasons, as long as nothing at all
was accepted. A teacher that is merely weak gets some answer right among so many. Only tasks that were asked
now count: the same command goes on behind those that failed before. Memory: a count for each reason, a few
examples.
"""

from collections import Counter

from factory.checks.suite import CheckedSample
from factory.errors import FactoryError
from factory.text.reasons import SENTENCES, ReasonCode, sentence

FEW, MANY, EXAMPLES = 32, 200, 3
_WIDTH = 200

_FORM = (
    "The server seems to ignore response_format: take one that enforces a JSON Schema, or a larger teacher."
)
_LENGTH = (
    "Raise teacher.sampling.max_tokens (and teacher.max_model_len with it); switch a reasoning teacher's "
    "thinking off with teacher.template: {enable_thinking: false}."
)
# What is to be tried, for reasons that all answers have only where something is set up wrongly.
REMEDIES: dict[ReasonCode, str] = {
    "empty": "A reasoning teacher may need more teacher.sampling.max_tokens: look at its answers.",
    "too_large": "The server may ignore teacher.sampling.max_tokens.",
    "not_text": "The server's answers hold characters that are no text: does it decode its tokens?",
    "control_token": "The server hands out marks of its chat template: give it the model's own template, and "
    "its reasoning parser.",
    "cut_off": _LENGTH,
    "thinking_cut_off": _LENGTH,
    "proposal_cut_off": _LENGTH,
    "filtered": "The server's content filter stops the answers: ask another server, or other questions.",
    "no_answer": "Look at why the server ends its answers.",
    "prompt_too_long": "Raise teacher.max_model_len, or show fewer worked examples (data.examples).",
    "not_json": _FORM,
    "truncated_json": _LENGTH,
    "wrong_shape": _FORM,
    "unknown_label": _FORM,
    "unknown_tool": _FORM,
    "no_final_answer": "The teacher does not end its answers as it is asked to: show it worked examples "
    "(data.examples, seeds with a rationale), raise teacher.sampling.max_tokens, or take a larger teacher.",
    "held_out_leak": "Every question is like a held-out task: take seeds and held-out tasks apart.",
}
_REQUEST = "Mend the server, or teacher.endpoints, teacher.model, teacher.extra_body."
_OTHER = (
    "factory audit rejected shows them all. Take a larger teacher, correct the seeds, or loosen the checks."
)
_GO_ON = "What was answered is stored, and the same command goes on behind it."
_NO_MORE = "What was answered is stored; once the recipe or its seeds have changed, the same command goes on."


class Failures:
    """What failed in the tasks that were judged, as long as none was accepted."""

    def __init__(self) -> None:
        self._tasks = self._asked = 0
        self._reasons: Counter[str] = Counter()
        self._shared: list[str] | None = None
        self._details: Counter[str] = Counter()
        self._examples: list[str] = []
        self._any_accepted = False

    def add(self, samples: list[CheckedSample], *, asked_now: bool) -> None:
        """Take the samples of a task that was judged."""
        self._any_accepted |= any(checked.accepted for checked in samples)
        if self._any_accepted or not samples:
            return
        self._tasks += 1
        self._asked += asked_now
        for checked in samples:
            failed = [verdict for verdict in checked.verdicts if not verdict["passed"]]
            reasons = list(dict.fromkeys(verdict["reason"] for verdict in failed))
            self._reasons.update(reasons[:1])
            known = reasons if self._shared is None else self._shared
            self._shared = [reason for reason in known if reason in reasons]
            detail = next((verdict["detail"] for verdict in failed if verdict["detail"]), None)
            if detail and len(self._details) < MANY:
                self._details[detail] += 1
            if len(self._examples) < EXAMPLES:
                said = checked.sample.text or detail or sentence(reasons[0])
                self._examples.append(f"{_line(checked.sample.task.question)}  →  {_line(said)}")

    @property
    def are_hopeless(self) -> bool:
        """Whether asking on makes no sense."""
        return not self._any_accepted and (
            self._asked >= MANY or (self._asked >= FEW and self._telling is not None)
        )

    @property
    def are_all(self) -> bool:
        """Whether every task, be they few, failed for a reason that lies in how the teacher is asked."""
        return not self._any_accepted and self._tasks > 0 and self._telling is not None

    def error(self, ended: str = "") -> FactoryError:
        """Return what a person has to know: the reason, its sentence, examples, what to try. `ended` says why
        no more was asked."""
        if not self._tasks:
            return FactoryError(f"nothing succeeds: no task could be put: {ended}", "Add seeds.")
        telling = self._telling
        reason, count = (telling, self._tasks) if telling else self._reasons.most_common(1)[0]
        share = "all for one reason" if telling else f"{count} answers for the most frequent reason"
        head = f"nothing succeeds: none of {self._tasks} tasks was accepted, {share}: "
        head += f"{reason} ({sentence(reason)})"
        said, times = next(iter(self._details.most_common(1)), ("", 0))
        if telling and said and times > 1:
            head += f": {_line(said)}"
        remedy = _OTHER if telling is None else _remedy(telling)
        if ended and not self.are_hopeless:
            head += f"; {ended}"
        return FactoryError(
            "\n  ".join([head, *self._examples]),
            f"{remedy} {_NO_MORE if ended and not self.are_hopeless else _GO_ON}",
        )

    @property
    def _telling(self) -> str | None:
        """The reason that all of them share, if it is one that a good set-up never has throughout."""
        return next((reason for reason in self._shared or [] if _remedy(reason) != _OTHER), None)


def _remedy(reason: str) -> str:
    if reason in REMEDIES:
        return REMEDIES[reason]
    return _REQUEST if reason not in SENTENCES and reason.startswith(("refused_", "failed_")) else _OTHER


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
