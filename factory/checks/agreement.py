"""`agreement`: the answer is the reference's, or where there is no reference the one that most draws of the
question give.

The vote is self-consistency (Wang et al., 2022, arXiv 2203.11171) with a margin: the most frequent answer has
to lead the second by a share of the votes, and at least two have to give it. Rationales are compared by what
their final answers mean (`factory.text.answers.equality`), and draws of one text are one vote: a cache or a
server that heeds no seed gives the same text again and again, which proves nothing. Tool calls are compared
by their results, and each draw votes: a call is so short that two draws are the same by right. A tool call
without reference and without other draws is compared with its question: a number in an argument that occurs
neither in it nor in the result of an earlier step is suspicious.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample
from factory.text.answers.equality import compare

# Words of an enumeration are the tool's, not the question's; numbers are not.
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?")


class AgreementCheck:
    """Fails with no_answer, wrong_answer, undecided_answer, no_majority, minority or ungrounded_argument.
    `margin` is a share of the votes."""

    name = "agreement"

    def __init__(self, margin: float):
        self.settings: dict[str, Any] = {"margin": margin}
        self._margin = margin

    def judge_draws(self, draws: list[Sample], clean: list[bool]) -> list[Verdict]:
        votes, alike = _votes(draws), _all_the_same(draws)
        verdicts = [self._judge(sample, votes, draws) for sample in draws]
        return [replace(one, detail="; ".join(filter(None, (one.detail, alike)))) for one in verdicts]

    def _judge(self, sample: Sample, votes: list[list[Sample]], draws: list[Sample]) -> Verdict:
        if sample.outcome is None:
            return Verdict(False, "no_answer")
        if sample.expected is not None:
            return _against_reference(sample)
        if len(draws) == 1 and sample.call:
            strange = next(_ungrounded(sample), None)
            return OK if strange is None else Verdict(False, "ungrounded_argument", strange)
        first, second = (*map(len, votes), 0)[:2]
        lead = (first - second) / sum(map(len, votes))
        leader = _shown(votes[0][0])
        if first < 2 or lead < self._margin:
            told = f"{first} of {len(draws)} draws give {leader}, {second} the next"
            return Verdict(False, "no_majority", told, lead)
        if any(sample is one or _same_draw(sample, one) for one in votes[0]):
            return Verdict(True, score=lead)
        return Verdict(False, "minority", f"most say {leader}", lead)


def _against_reference(sample: Sample) -> Verdict:
    if sample.rationale is None or sample.answer is None:
        if sample.outcome == sample.expected:
            return OK
        return Verdict(False, "wrong_answer", f"{sample.outcome}, the reference is {sample.expected}")
    found = compare(sample.answer, sample.task.reference)
    if found.equal:
        return OK
    told = f"{sample.answer}, the reference is {sample.task.reference}"
    if found.decided:
        return Verdict(False, "wrong_answer", told)
    return Verdict(False, "undecided_answer", f"{told}: {found.detail}")


def _votes(draws: list[Sample]) -> list[list[Sample]]:
    """Return the draws that vote, by what they say, the most frequent first. What is not the same as all
    of a group stands apart: sameness may not pass from one to the next (`5`, `5 km`, `5 m`)."""
    groups: list[list[Sample]] = []
    for number, sample in enumerate(draws):
        if sample.outcome is None or any(_same_draw(sample, before) for before in draws[:number]):
            continue
        for group in groups:
            if all(_agree(sample, other) for other in group):
                group.append(sample)
                break
        else:
            groups.append([sample])
    return sorted(groups, key=len, reverse=True)


def _agree(one: Sample, other: Sample) -> bool:
    if one.rationale is None or other.rationale is None or one.answer is None or other.answer is None:
        return one.outcome == other.outcome
    return compare(one.answer, other.answer).equal


def _same_draw(one: Sample, other: Sample) -> bool:
    """Whether two draws are one text, which a reasoning is hardly twice; spaces and line ends are no
    difference."""
    return one.outcome is not None and one.rationale is not None and one.text.split() == other.text.split()


def _all_the_same(draws: list[Sample]) -> str:
    if len(draws) < 2 or not all(_same_draw(one, draws[0]) for one in draws[1:]):
        return ""
    return (
        f"all {len(draws)} draws are the same text, which is one vote: does the server heed temperature and "
        "seed, or answer from a cache?"
    )


def _shown(sample: Sample) -> str:
    return str(sample.outcome if sample.rationale is None else sample.answer)


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
            # Calls that nobody carried out have no results.
            for results in json.loads(sample.result or "[]")[place : place + 1]:
                known.update(_numbers(" ".join(results)))


def _numbers(text: str) -> list[str]:
    """Return the numbers of a text as JSON leaves them: 12.50 is 12.5 there, and 07 is 7."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", unicodedata.normalize("NFKC", text))
    parts = [(whole.lstrip("0") or "0", decimals.rstrip("0")) for whole, decimals in _NUMBER.findall(plain)]
    return [f"{whole}.{decimals}" if decimals else whole for whole, decimals in parts]
