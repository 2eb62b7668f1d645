"""`agreement`: the answer is the reference's, or where there is no reference the one that most draws of the question give.

The vote is self-consistency (Wang et al., 2022, arXiv 2203.11171) with a margin: the most frequent answer has to lead the second by a
share of the readable draws, and at least two draws have to give it. A tool call without reference and without other draws is compared with
its question: an argument that occurs nowhere in it is suspicious.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from factory.checks.check import OK, Verdict
from factory.tasks.sample import Sample

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")


class AgreementCheck:
    """Fails with no_answer, wrong_answer, no_majority, minority or ungrounded_argument. `margin` is a share of the draws."""

    name = "agreement"

    def __init__(self, margin: float):
        self.settings: dict[str, Any] = {"margin": margin}
        self._margin = margin

    def judge_draws(self, draws: list[Sample], clean: list[bool]) -> list[Verdict]:
        votes = Counter(sample.outcome for sample in draws if sample.outcome is not None).most_common(2)
        return [self._judge(sample, votes, len(draws)) for sample in draws]

    def _judge(self, sample: Sample, votes: Sequence[tuple[str | None, int]], draws: int) -> Verdict:
        if sample.outcome is None:
            return Verdict(False, "no_answer")
        if sample.expected is not None:
            if sample.outcome == sample.expected:
                return OK
            return Verdict(False, "wrong_answer", f"{sample.outcome}, the reference is {sample.expected}")
        if draws == 1 and sample.call:
            strange = next(_ungrounded(sample.call, sample.task.question, sample.result or ""), None)
            return OK if strange is None else Verdict(False, "ungrounded_argument", strange)
        (leader, first), (_, second) = (*votes, (None, 0))[:2]
        lead = (first - second) / sum(count for _, count in (*votes,))
        if first < 2 or lead < self._margin:
            return Verdict(False, "no_majority", f"{first} of {draws} draws give {leader}, {second} the next", lead)
        return Verdict(True, score=lead) if sample.outcome == leader else Verdict(False, "minority", f"most say {leader}", lead)


def _ungrounded(calls: Any, question: str, results: str) -> Iterator[str]:
    known = set(_WORD.findall(_normal(f"{question} {results}")))
    for call in calls if isinstance(calls, list) else [calls]:
        for one in call if isinstance(call, list) else [call]:
            for word in _WORD.findall(_normal(" ".join(map(str, one["arguments"].values())))):
                # Words of an enumeration are the tool's, not the question's; numbers are not.
                if word[0].isdigit() and word not in known:
                    yield word


def _normal(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", unicodedata.normalize("NFKC", text).casefold())
