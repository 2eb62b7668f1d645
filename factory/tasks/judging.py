"""The teacher as a judge of a sample: one more turn of its episode, with a rubric and a score from 1 to 5.

The score is the expectation over the scale under the teacher's own probabilities of the five digits where it
wrote the score (G-Eval, Liu et al., 2023, arXiv 2303.16634), where the answer has them and the tokens'
meaning is known; otherwise the digit. What is judged is fenced and called data: it cannot end the fence. More
than `MAX_CHARACTERS` are not put to the judge. Not promised: that a small judge judges well.
"""

import dataclasses
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

from factory.chat_formats.unreadable import MAX_CHARACTERS
from factory.inference.request import Answer
from factory.tasks.sample import Sample
from factory.tasks.taskset import Ask, Episode
from factory.text.strict_json import strict_json
from factory.text.templates import render

TEMPLATE = "judge.j2"
SCALE = ("1", "2", "3", "4", "5")
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "enum": [int(point) for point in SCALE]}},
    "required": ["score"],
    "additionalProperties": False,
}
Spell = Callable[[int], str]


def judged(episode: Episode, spell: Spell | None, own: Path | None) -> Episode:
    """Go through an episode, then have its sample scored, unless it has a fault. `spell` gives the text of a
    token id."""
    sample = yield from episode
    if sample.fault is not None:
        return sample
    written = sample.answer or sample.text
    if sample.rationale:
        written = f"{sample.rationale}\n{written}"
    if sample.call:
        written = f"{json.dumps(sample.call, ensure_ascii=False)}\n{written}"
    question = f"{sample.task.question}\n\n{sample.task.input}".strip()
    if len(question) + len(written) > MAX_CHARACTERS:
        return sample
    text = render(
        TEMPLATE,
        own,
        language=sample.task.language,
        question=question,
        answer=written,
        fence=fence(question + written),
    )
    answer = yield Ask([{"role": "user", "content": text}], SCHEMA, needs_logprobs=True)
    return with_score(sample, answer, spell)


def fence(text: str) -> str:
    """Return a line that no run of its character in the text is as long as."""
    longest = max((len(run) for run in re.findall("=+", text)), default=0)
    return "=" * max(8, longest + 1)


def with_score(sample: Sample, answer: Answer, spell: Spell | None) -> Sample:
    """Return the sample with the judge's score, None if the answer holds none."""
    try:
        value = strict_json(answer.text)
        point = str(value["score"])
    except (ValueError, KeyError, TypeError):
        return sample
    return (
        dataclasses.replace(sample, score=_expected(answer, spell) or float(point))
        if point in SCALE
        else sample
    )


def _expected(answer: Answer, spell: Spell | None) -> float | None:
    if spell is None or not answer.token_ids or not answer.topk_ids or not answer.topk_logprobs:
        return None
    # A server may leave positions out, and what it calls a log-probability need not be one.
    for drawn, ids, logprobs in reversed(
        list(zip(answer.token_ids, answer.topk_ids, answer.topk_logprobs, strict=False))
    ):
        if spell(drawn).strip() in SCALE:
            mass: dict[str, float] = {}
            for token, logprob in zip(ids, logprobs, strict=False):
                if (text := spell(token).strip()) in SCALE and logprob <= 0:
                    mass[text] = mass.get(text, 0.0) + math.exp(logprob)
            total = sum(mass.values())
            return sum(int(text) * share for text, share in mass.items()) / total if total else None
    return None
