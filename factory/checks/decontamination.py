"""`decontamination`: no held-out task has leaked into the data.

Three comparisons, the first two exact. The whole question, with case, spaces and punctuation set aside
(`1,200` is `1200`, but `4 738` is not `47 38`). The reference together with the question's numbers in order,
where these tell questions apart: an expression with a number, a call, or a bare answer to at least `TELLING`
numbers. Then runs of words (characters where a script has no spaces): a 13-gram of a held-out question
anywhere in the sample's question, rationale or answer (GPT-3: Brown et al. 2020, appendix C); a held-out
question of 8 to 12 words leaks when the sample's question has 70 % of its 8-grams (PaLM: Chowdhery et al.
2022, section 8), one of 5 to 7 words when the sample's question contains it whole.

A held-out question with numbers that are not all in the sample is another question, however alike the words
are: that is how new tasks are made from old ones. Not promised: leaks in other words, beyond the first 20,000
characters of a text, or in translation.
"""

import re
import unicodedata
from collections import Counter
from functools import cached_property
from typing import Any

from factory.checks.check import OK, Verdict
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.sample import Sample
from factory.text.rouge import UNSPACED

MAX_CHARACTERS = 20_000
LONG, SHORT, SHARE, LEAST = 13, 8, 0.7, 5
TELLING = 3

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_OPERATOR = re.compile(r"[\w)]\s*[-+*/%^]\s*[\w(]|\w\(")
_NUMBER_OR_LETTER = re.compile(rf"{_NUMBER.pattern}|[^\W\d_]")
_NUMBER_OR_WORD = re.compile(rf"{_NUMBER.pattern}|[{UNSPACED}]|[^\W\d_{UNSPACED}]+")

_Gram = tuple[str, ...]


class DecontaminationCheck:
    """Fails with held_out_leak; the detail names the held-out task, the score is the share of its n-grams
    that the sample has."""

    name = "decontamination"

    def __init__(self, held_out: list[Seed]):
        self.settings: dict[str, Any] = {
            "held_out": content_id(sorted(task.seed_id for task in held_out)),
            "ngrams": {"long": LONG, "short": SHORT, "share": SHARE, "least": LEAST},
            "telling": TELLING,
            "characters": MAX_CHARACTERS,
        }
        self._held_out = held_out

    @cached_property
    def _index(self) -> "_Index":
        # Not made for who only asks for the settings.
        return _Index(self._held_out)

    def judge(self, sample: Sample) -> Verdict:
        found = self._index.find(sample)
        return Verdict(False, "held_out_leak", *found) if found else OK


class _Index:
    """The held-out tasks, by all that gives them away."""

    def __init__(self, held_out: list[Seed]):
        self._questions = {_normal_question(task.question): task.name for task in held_out}
        self._references = {
            key: task.name for task in held_out if (key := _worked_out(task.question, task.reference))
        }
        self._tasks = [(task.name, Counter(_NUMBER.findall(_normal(task.question)))) for task in held_out]
        self._grams: list[set[_Gram]] = []
        self._places: dict[_Gram, list[int]] = {}
        for place, task in enumerate(held_out):
            words = _words(task.question)
            size = LONG if len(words) >= LONG else SHORT if len(words) >= SHORT else len(words)
            self._grams.append(_grams(words, size) if size >= LEAST else set())
            for gram in self._grams[-1]:
                self._places.setdefault(gram, []).append(place)
        self._sizes = sorted({len(gram) for gram in self._places})

    def find(self, sample: Sample) -> tuple[str, float | None] | None:
        """Return what names the held-out task that a sample gives away, and the share of its n-grams where
        they tell."""
        task = sample.task
        question = task.question[:MAX_CHARACTERS]
        found = self._questions.get(_normal_question(question)) or self._references.get(
            _worked_out(question, task.reference)
        )
        if found:
            return found, None
        texts = [question, *(text[:MAX_CHARACTERS] for text in (sample.rationale, sample.answer) if text)]
        return self._overlap(texts) if self._sizes else None

    def _overlap(self, texts: list[str]) -> tuple[str, float] | None:
        words = [_words(text) for text in texts]
        numbers = Counter(number for text in texts for number in _NUMBER.findall(_normal(text)))
        shared: Counter[int] = Counter()
        for size in self._sizes:
            # Short questions are only looked for in questions.
            grams = set().union(*(_grams(text, size) for text in (words if size == LONG else words[:1])))
            shared.update(place for gram in grams if gram in self._places for place in self._places[gram])
        for place, count in sorted(
            shared.items(), key=lambda item: (-item[1] / len(self._grams[item[0]]), item[0])
        ):
            name, asked = self._tasks[place]
            share = count / len(self._grams[place])
            size = len(next(iter(self._grams[place])))
            if asked <= numbers and (size != SHORT or share >= SHARE):
                return f"{name}: {share:.0%} of its {size}-grams", share
        return None


def _normal_question(question: str) -> _Gram:
    return tuple(_NUMBER_OR_LETTER.findall(_normal(question)))


def _worked_out(question: str, reference: str) -> _Gram:
    numbers, wanted = _NUMBER.findall(_normal(question)), reference.replace(" ", "")
    # Many questions have the answer "12", "yes" or none at all.
    telling = (
        len(numbers) >= TELLING
        or bool(numbers and _OPERATOR.search(wanted))
        or (wanted.startswith("[") and wanted != "[]")
    )
    return (*numbers, wanted) if wanted and telling else ()


def _words(text: str) -> list[str]:
    return _NUMBER_OR_WORD.findall(_normal(text))


def _grams(words: list[str], size: int) -> set[_Gram]:
    return {tuple(words[place : place + size]) for place in range(len(words) - size + 1)}


def _normal(text: str) -> str:
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
