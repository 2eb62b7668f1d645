"""A turn of the assistant in pieces: what of it the teacher wrote, in its own tokens.

Promise: the teacher's tokens stand in a turn only where they are proved to spell what was accepted: the whole
answer in words, or the JSON of each call, alone or in a list of calls. What is left is text.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from factory.chat_formats.format import ChatFormat
from factory.tasks.stored_distribution import stored_fault
from factory.tasks.tokenizer import ChatTokenizer, encode
from factory.text.reasons import ReasonCode
from factory.text.thinking import without_thinking

Fault: TypeAlias = ReasonCode | Literal[""]
_Place = tuple[int, int]  # of characters: from, up to


@dataclass(frozen=True)
class Taught:
    """What is known of the teacher at a piece: the stored distribution, (tokens, k), or why there is none,
    `fault`. `asked` is what it was asked, None where it would not have written the piece; `before` is what it
    wrote before."""

    fault: Fault
    asked: list[dict[str, Any]] | None = None
    before: list[int] = field(default_factory=list)
    topk_ids: list[list[int]] = field(default_factory=list)
    topk_logprobs: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class Piece:
    """A piece of a turn: its text, its tokens where they are the teacher's own."""

    text: str
    ids: list[int] | None = None
    taught: Taught | None = None
    is_call: bool = False


class TeacherAnswer:
    """An answer of the teacher's, a row of `generations`, beside what was accepted of it: `wrote` is its text
    in a turn of words, None where that says something else."""

    def __init__(
        self,
        answer: dict[str, Any],
        wrote: str | None,
        student: ChatTokenizer,
        own_tokens: bool,
        vocabulary: int,
    ):
        self.text, self.wrote, self.student = answer["text"], wrote, student
        self.asked: list[dict[str, Any]] = json.loads(answer["messages"])
        self.ids = list(answer["token_ids"] or ())
        self._answer, self._own_tokens, self._vocabulary = answer, own_tokens, vocabulary

    def was_asked(self, question: str, turns_before: int) -> bool:
        """Whether the question that the teacher saw, so many turns ago, is this one."""
        place = -1 - 2 * turns_before
        return -place <= len(self.asked) and self.asked[place]["content"] == question

    @cached_property
    def body(self) -> list[int]:
        """The tokens without the one that ended the turn."""
        return self.ids[:-1] if self.ids and self.ids[-1] in self.student.all_special_ids else self.ids

    @cached_property
    def token_fault(self) -> Fault:
        """Why the tokens cannot be the student's."""
        if self._answer["token_ids"] is None:
            return "no_logprobs"
        spelled = self._own_tokens and self.body
        if not spelled or self.student.decode(self.body, skip_special_tokens=True) != self.text:
            return "other_text"
        return ""

    def taught(self, first: int, last: int) -> Taught:
        """Return what is known at the tokens from `first` up to `last`."""
        columns = self._answer["topk_ids"], self._answer["topk_logprobs"]
        fault = self._stored_fault
        ids, logprobs = ([], []) if fault else (list(map(list, column[first:last])) for column in columns)
        return Taught(fault, self.asked, self.ids[:first], ids, logprobs)

    @cached_property
    def _stored_fault(self) -> Fault:
        row = self._answer
        return stored_fault(
            row["token_ids"], row["token_logprobs"], row["topk_ids"], row["topk_logprobs"], self._vocabulary
        )

    def inside(self, place: _Place) -> tuple[_Place, _Place]:
        """Return which tokens lie within a place of the text, and which place they spell."""
        if place == (0, len(self.text)):
            return (0, len(self.body)), place
        begun, ended = place
        within = [
            number for number, (start, end) in enumerate(self._places) if begun <= start and end <= ended
        ]
        if not within:
            return (0, 0), (begun, begun)
        first, last = within[0], within[-1] + 1
        return (first, last), (self._places[first][0], self._places[last - 1][1])

    @cached_property
    def _places(self) -> list[_Place]:
        counts = range(len(self.body) + 1)
        ends = [len(self.student.decode(self.body[:count], skip_special_tokens=True)) for count in counts]
        return list(itertools.pairwise(ends))


def spell_turn(
    chat_format: ChatFormat, message: dict[str, Any], turn: str, answer: TeacherAnswer | Fault | None
) -> list[Piece]:
    """Return the pieces of `turn`, the rendered `message` with its end. `answer` is None where nobody taught
    it, and a fault where the teacher is known not to have."""
    if message.get("tool_calls"):
        return _calls(chat_format, message, turn, answer)
    if answer is None:
        return [Piece(turn)]
    if isinstance(answer, TeacherAnswer):
        content = message["content"]
        fault: Fault = answer.token_fault
        if answer.wrote is None:
            fault = "edited"
        elif not fault and (answer.wrote != answer.text or content not in turn):
            fault = "other_text"
        if not fault:
            return _words(chat_format, turn, content, answer)
        answer = fault
    return [Piece("", taught=Taught(answer)), Piece(turn)]


def _words(chat_format: ChatFormat, turn: str, content: str, answer: TeacherAnswer) -> list[Piece]:
    before, _, after = turn.partition(content)
    own, text = answer.body, answer.text
    if after == chat_format.turn_end and answer.ids[-1:] == encode(answer.student, after):
        own, text, after = answer.ids, text + after, ""
    return [Piece(before), Piece(text, own, answer.taught(0, len(own))), Piece(after)]


def _calls(
    chat_format: ChatFormat, message: dict[str, Any], turn: str, answer: TeacherAnswer | Fault | None
) -> list[Piece]:
    calls = [_call(call["function"]) for call in message["tool_calls"]]
    shown = [chat_format.shown_call(call) for call in calls]
    places = _found(turn, shown)
    if places is None:
        note = [] if answer is None else [Piece("", taught=Taught("other_form"))]
        return [*note, Piece(turn)]
    spelled, theirs = shown, None
    if isinstance(answer, TeacherAnswer):
        theirs = _written(answer.text, calls)
        fault: Fault = "" if theirs is not None else _no_call_fault(answer, calls)
        if theirs is not None:
            texts = [answer.text[start:end] for start, end in theirs]
            same = all(itertools.starmap(_says_the_same, zip(shown, texts, strict=True)))
            fault = "" if same else "other_form"
            spelled = spelled if fault else texts
    pieces = []
    for number, (part, text) in enumerate(zip(_between(turn, places), [*spelled, ""], strict=True)):
        pieces.append(Piece(part))
        if number == len(calls):
            break
        if not isinstance(answer, TeacherAnswer):
            taught = None if answer is None else Taught(answer)
            pieces.append(Piece(text, None, taught, is_call=True))
        elif fault:
            # What only stands behind thinking would be written again.
            alone = fault == "other_text" and without_thinking(answer.text).lstrip().startswith("{")
            asked = answer.asked if alone else None
            pieces.append(Piece(text, None, Taught(fault, asked), is_call=True))
        else:
            assert theirs is not None
            pieces += _own_call(answer, theirs[number], text)
    return pieces


def _own_call(answer: TeacherAnswer, place: _Place, text: str) -> list[Piece]:
    if answer.token_fault:
        asked = answer.asked if place[0] == 0 else None
        return [Piece(text, None, Taught(answer.token_fault, asked), is_call=True)]
    (first, last), (begun, ended) = answer.inside(place)
    own = Piece(answer.text[begun:ended], answer.body[first:last], answer.taught(first, last), is_call=True)
    around = answer.text[place[0] : begun], answer.text[ended : place[1]]
    before, after = (Piece(part, is_call=bool(part)) for part in around)
    return [before, own, after]


def _call(function: dict[str, Any]) -> dict[str, Any]:
    return {"name": function["name"], "arguments": json.loads(function["arguments"])}


def _no_call_fault(answer: TeacherAnswer, calls: list[dict[str, Any]]) -> Fault:
    return "edited" if _written(without_thinking(answer.text), calls) is None else "other_text"


def _written(text: str, calls: list[dict[str, Any]]) -> list[_Place] | None:
    """Return where a text that is these calls in JSON, one or a list, has each; None if it is anything
    else."""
    decoder, at = json.JSONDecoder(), _next(text, 0)
    try:
        value, end = decoder.raw_decode(text, at)
        if _next(text, end) < len(text):
            return None
        if isinstance(value, dict):
            return [(at, end)] if [value] == calls else None
        if value != calls:
            return None
        places = []
        for _ in calls:
            at = _next(text, at + 1)
            _, end = decoder.raw_decode(text, at)
            places.append((at, end))
            at = _next(text, end)
        return places
    except ValueError:
        return None


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _found(turn: str, written: Sequence[str]) -> list[_Place] | None:
    """Return where a turn has these texts, one after the other; None if one is not there."""
    places, at = [], 0
    for text in written:
        if (start := turn.find(text, at)) < 0:
            return None
        at = start + len(text)
        places.append((start, at))
    return places


def _says_the_same(shown: str, written: str) -> bool:
    """Whether the teacher wrote the JSON that the format shows, but for spaces and the order of keys."""
    try:
        return bool(json.loads(shown) == json.loads(written))
    except ValueError:
        return False


def _between(turn: str, places: list[_Place]) -> list[str]:
    """Return what is before, between and after the places."""
    bounds = [0, *itertools.chain.from_iterable(places), len(turn)]
    return [turn[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True)]
