"""`agreement`: the answer is the reference's, or where there is no reference the one that most draws of the
question give.

The vote is self-consistency (Wang et al., 2022, arXiv 2203.11171) with a margin: the most frequent answer has
to lead the second by a share of the readable draws, and at least two draws have to give it. A tool call
without reference and without other draws is compared with its question: a number in an argument that occurs
neither in it nor in the result of an earlier step is suspicious.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample

# Words of an enumeration are the tool's, not the question's; numbers are not.
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")


class AgreementCheck:
    """Fails with no_answer, wrong_answer, no_majority, minority or ungrounded_argument. `margin` is a share
    of the draws."""

    name = "agreement"

    def __init__(self, margin: float):
        self.settings: dict[str, Any] = {"margin": margin}
        self._margin = margin

    def judge_draws(self, draws: list[Sample], clean: list[bool]) -> list[Verdict]:
        votes = Counter(sample.outcome for sample in draws if sample.outcome is not None)
        return [self._judge(sample, votes, len(draws)) for sample in draws]

    def _judge(self, sample: Sample, votes: Counter[str], draws: int) -> Verdict:
        if sample.outcome is None:
            return Verdict(False, "no_answer")
        if sample.expected is not None:
            if sample.outcome == sample.expected:
                return OK
            return Verdict(False, "wrong_answer", f"{sample.outcome}, the reference is {sample.expected}")
        if draws == 1 and sample.call:
            strange = next(_ungrounded(sample), None)
            return OK if strange is None else Verdict(False, "ungrounded_argument", strange)
        (leader, first), (_, second) = (*votes.most_common(2), ("", 0))[:2]
        lead = (first - second) / votes.total()
        if first < 2 or lead < self._margin:
            return Verdict(
                False, "no_majority", f"{first} of {draws} draws give {leader}, {second} the next", lead
            )
        return (
            Verdict(True, score=lead)
            if sample.outcome == leader
            else Verdict(False, "minority", f"most say {leader}", lead)
        )


def _ungrounded(sample: Sample) -> Iterator[str]:
    known = set(_numbers(sample.task.question))
    # In steps, the calls of one are made together: none of them has seen a result of it, least of all its
    # own.
    in_steps = isinstance(sample.call, list)
    for place, step in enumerate(sample.call if in_steps else [[sample.call]]):
        for call in step:
            yield from (
                number
                for number in _numbers(" ".join(map(str, call["arguments"].values())))
                if number not in known
            )
        if in_steps:
            known.update(_numbers(" ".join(json.loads(sample.result or "[]")[place])))


def _numbers(text: str) -> list[str]:
    """Return the numbers of a text as JSON leaves them: 12.50 is 12.5 there, and 07 is 7."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", unicodedata.normalize("NFKC", text))
    parts = [(whole.lstrip("0") or "0", decimals.rstrip("0")) for whole, decimals in _NUMBER.findall(plain)]
    return [f"{whole}.{decimals}" if decimals else whole for whole, decimals in parts]
