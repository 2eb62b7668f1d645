"""`decontamination`: no held-out task has leaked into the data.

Three comparisons, the first two exact. The whole question, with case, spaces and punctuation set aside
(`1,200` is `1200`, but `4 738` is not `47 38`). The reference together with the question's numbers in order,
where these tell questions apart: an expression with a number, a call that holds more than one choice among
what its tool lists, or a bare answer to at least `TELLING` numbers, those that number options left out. Yes
and no tell nothing. Of a conversation the question is all that the user says. Then runs of words
(characters where a script has no spaces): a 13-gram of a held-out question anywhere in the sample's
question, input, rationale or answer (GPT-3: Brown et al. 2020, appendix C); a held-out question of 8 to 12
words leaks when the sample's question has 70 % of its 8-grams (PaLM: Chowdhery et al. 2022, section 8), one
of 5 to 7 words when the sample's question contains it whole.

Runs of words that `MANY` held-out tasks share (one in a hundred, if these are more), a preamble or a last
sentence, are no part of any of them: a question is looked for by the longest run of words that is left. A
seed whose answer, rationale, input or conversation holds a held-out task, a short one too, gives it away, and
so does every sample of it.

A held-out question with numbers that are not all in the sample is another question, however alike the words
are: that is how new tasks are made from old ones. Not promised: leaks in other words, beyond the first 20,000
characters of a text, or in translation.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from factory.checks.check import OK, Verdict
from factory.seeds.offered import read_tools_text
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.sample import Sample
from factory.text.answers.words import read_truth
from factory.text.rouge import UNSPACED
from factory.tools.spec import ToolSpec

MAX_CHARACTERS = 20_000
LONG, SHORT, SHARE, LEAST = 13, 8, 0.7, 5
TELLING = 3
MANY = 3

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_OPERATOR = re.compile(r"[\w)]\s*[-+*/%^]\s*[\w(]|\w\(")
_MARKER = re.compile(r"(?:(?<=\s)|^)\(?(\d{1,2})[.):](?=\s)", re.MULTILINE)
_NUMBER_OR_LETTER = re.compile(rf"{_NUMBER.pattern}|[^\W\d_]")
_NUMBER_OR_WORD = re.compile(rf"{_NUMBER.pattern}|[{UNSPACED}]|[^\W\d_{UNSPACED}]+")

_Gram = tuple[str, ...]


class DecontaminationCheck:
    """Fails with held_out_leak; the detail names the held-out task, the score is the share of its n-grams
    that the sample has."""

    name = "decontamination"

    def __init__(
        self,
        held_out: list[Seed],
        seeds: Iterable[Seed] = (),
        tools: Iterable[ToolSpec] = (),
        *,
        references: bool = True,
    ) -> None:
        """`references`: the same reference is a sign of the same task, as the same label is not."""
        every = frozenset(task.reference for task in held_out)
        closed = _closed_references(held_out, {tool.name: tool for tool in tools}) if references else every
        silent = _silent(held_out, closed) if references else frozenset[str]()
        self._index = _index(tuple(held_out), closed, silent)
        self._leaking = leaking_seeds(tuple(seeds), tuple(held_out)) if references else {}
        self.settings: dict[str, Any] = {
            "held_out": content_id(sorted(task.seed_id for task in held_out)),
            "ngrams": {"long": LONG, "short": SHORT, "share": SHARE, "least": LEAST},
            "telling": TELLING,
            "characters": MAX_CHARACTERS,
        }
        # Named only where they decide: other verdicts stay valid.
        if not references:
            self.settings["references"] = False
        if self._index.shared:
            self.settings["shared"] = content_id(sorted(self._index.shared))
        if closed and references:
            self.settings["closed"] = content_id(sorted(closed))
        if any(_put(task) != task.question for task in held_out):
            self.settings["conversations"] = "all that the user says"
        if silent:
            self.settings["silent"] = content_id(sorted(silent))
        if self._leaking:
            self.settings["leaking_seeds"] = sorted(self._leaking)

    def judge(self, sample: Sample) -> Verdict:
        if (name := self._leaking.get(sample.task.seed_id)) is not None:
            return Verdict(False, "held_out_leak", f"{name}: in the answer of its seed")
        found = self._index.find(sample)
        return Verdict(False, "held_out_leak", *found) if found else OK


@lru_cache(maxsize=8)
def leaking_seeds(seeds: tuple[Seed, ...], held_out: tuple[Seed, ...]) -> dict[str, str]:
    """Return, for the id of each seed whose answer, rationale, input or conversation holds a held-out task,
    its name."""
    index = _index(held_out)
    found = {
        seed.seed_id: index.inside(seed.reference, seed.rationale, seed.input, *_spoken(seed))
        for seed in seeds
    }
    return {seed_id: name for seed_id, name in found.items() if name}


def _spoken(seed: Seed) -> list[str]:
    """Return what user and assistant say in a conversation."""
    messages = json.loads(seed.conversation)["messages"] if seed.conversation else []
    return [message["content"] or "" for message in messages if message["role"] in ("user", "assistant")]


def _put(task: Seed) -> str:
    """Return what a held-out task asks: of a conversation all that the user says, for many end on the same
    words."""
    messages = json.loads(task.conversation)["messages"] if task.conversation else []
    return _all_turns(messages) or task.question


def _all_turns(messages: list[dict[str, Any]]) -> str:
    """Return the user's turns, one a line, where there are several."""
    turns = [message["content"] or "" for message in messages if message["role"] == "user"]
    return "\n".join(turns) if len(turns) > 1 else ""


@lru_cache(maxsize=8)
def _index(
    held_out: tuple[Seed, ...],
    closed: frozenset[str] = frozenset(),
    silent: frozenset[str] = frozenset(),
) -> "_Index":
    return _Index(held_out, closed, silent)


class _Index:
    """The held-out tasks, by all that gives them away."""

    def __init__(self, held_out: tuple[Seed, ...], closed: frozenset[str], silent: frozenset[str]):
        self._questions = {_normal_question(_put(task)): task.name for task in held_out}
        self._references = {
            key: task.name
            for task in held_out
            if task.reference not in closed
            and task.seed_id not in silent
            and (key := _worked_out(task.question, task.reference))
        }
        self._tasks = [(task.name, Counter(_NUMBER.findall(_normal(_put(task))))) for task in held_out]
        self._grams: list[set[_Gram]] = []
        self._places: dict[_Gram, list[int]] = {}
        questions = [_words(_put(task)) for task in held_out]
        self.shared = _shared(questions)
        for place, question in enumerate(questions):
            words = _own(question, self.shared)
            size = LONG if len(words) >= LONG else SHORT if len(words) >= SHORT else len(words)
            self._grams.append(_grams(words, size) if size >= LEAST else set())
            for gram in self._grams[-1]:
                self._places.setdefault(gram, []).append(place)
        self._sizes = sorted({len(gram) for gram in self._places})

    def find(self, sample: Sample) -> tuple[str, float | None] | None:
        """Return what names the held-out task that a sample gives away, and the share of its n-grams where
        they tell."""
        task = sample.task
        question = (_all_turns(sample.messages or []) or task.question)[:MAX_CHARACTERS]
        found = self._questions.get(_normal_question(question)) or self._references.get(
            _worked_out(question, task.reference)
        )
        if found:
            return found, None
        beside = (task.input, sample.rationale, sample.answer)
        texts = [question, *(text[:MAX_CHARACTERS] for text in beside if text)]
        return self._overlap(texts) if self._sizes else None

    def inside(self, *texts: str) -> str | None:
        """Return the held-out task that stands in one of these texts, whole or for a telling part."""
        given = [text[:MAX_CHARACTERS] for text in texts if text]
        found = self._overlap(given, everywhere=True) if given and self._sizes else None
        return found[0].rpartition(": ")[0] if found else None

    def _overlap(self, texts: list[str], *, everywhere: bool = False) -> tuple[str, float] | None:
        words = [_words(text) for text in texts]
        numbers = Counter(number for text in texts for number in _NUMBER.findall(_normal(text)))
        shared: Counter[int] = Counter()
        for size in self._sizes:
            # Short questions are only looked for in questions.
            looked_in = words if size == LONG or everywhere else words[:1]
            grams = set().union(*(_grams(text, size) for text in looked_in))
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


def _closed_references(held_out: Iterable[Seed], tools: dict[str, ToolSpec]) -> frozenset[str]:
    """Return the references whose calls hold no more than one choice among what a tool lists, such as a
    label: many questions have the same."""
    return frozenset(
        task.reference
        for task in held_out
        if tools and task.reference.startswith("[[") and _is_closed(json.loads(task.reference), tools)
    )


def _silent(held_out: Iterable[Seed], closed: frozenset[str]) -> frozenset[str]:
    """Return the ids of the held-out tasks whose answer many questions have, where the numbers of the
    question and the answer would tell by themselves. Named only where that decides."""
    return frozenset(
        task.seed_id
        for task in held_out
        if task.reference not in closed and _worked_out(task.question, task.reference) and _is_common(task)
    )


def _is_common(task: Seed) -> bool:
    reference = task.reference
    if reference.startswith("["):
        tools = {tool.name: tool for tool in read_tools_text(task.tools)} if task.tools else {}
        calls = json.loads(reference)
        if reference.startswith("[{"):  # possible answers: each argument has its allowed values
            calls = [[{"name": call["name"], "arguments": call["allowed"]} for call in calls]]
        return bool(tools) and _is_closed(calls, tools)
    if read_truth(reference) is not None:
        return True
    worked_out = _NUMBER.search(reference) and _OPERATOR.search(reference.replace(" ", ""))
    return not worked_out and len(_own_numbers(task.question)) < TELLING


def _own_numbers(question: str) -> list[str]:
    """Return the numbers of a question but those that number its options."""
    marks = [int(mark) for mark in _MARKER.findall(question)]
    counted = len(marks) > 1 and marks == list(range(1, len(marks) + 1))
    return _NUMBER.findall(_normal(_MARKER.sub(" ", question) if counted else question))


def _is_closed(steps: list[list[dict[str, Any]]], tools: dict[str, ToolSpec]) -> bool:
    choices = 0
    for call in (call for step in steps for call in step):
        tool = tools.get(call["name"])
        known = tool.function.parameters.get("properties", {}) if tool else {}
        for name in call["arguments"]:
            schema = known.get(name)
            if not isinstance(schema, dict):
                return False
            if schema.get("type") != "boolean" and "const" not in schema:
                choices += 1 if "enum" in schema else 2
    return choices <= 1


def _words(text: str) -> list[str]:
    return _NUMBER_OR_WORD.findall(_normal(text))


def _grams(words: list[str], size: int) -> set[_Gram]:
    return {tuple(words[place : place + size]) for place in range(len(words) - size + 1)}


def _shared(questions: list[list[str]]) -> set[_Gram]:
    """Return the short n-grams that many questions have; those of one wording with other numbers count as
    one."""
    wordings = {tuple("0" if word[0].isdecimal() else word for word in words): words for words in questions}
    found: Counter[_Gram] = Counter()
    for words in wordings.values():
        found.update(_grams(words, SHORT))
    many = max(MANY, len(wordings) // 100)
    return {gram for gram, count in found.items() if count >= many}


def _own(words: list[str], shared: set[_Gram]) -> list[str]:
    """Return the longest run of words that is in no shared n-gram."""
    if not shared:
        return words
    covered = [False] * len(words)
    for place in range(len(words) - SHORT + 1):
        if tuple(words[place : place + SHORT]) in shared:
            covered[place : place + SHORT] = [True] * SHORT
    longest, run = list[str](), list[str]()
    for word, hidden in zip([*words, ""], [*covered, True], strict=True):
        if not hidden:
            run.append(word)
            continue
        longest, run = max(longest, run, key=len), []
    return longest


def _normal(text: str) -> str:
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
