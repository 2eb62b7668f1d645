"""From conversations to token rows.

Promise: the loss is taken on the assistant's turns that are to be learnt, each with its end, and on nothing
else. The text of a row is what the student's chat template renders, but that a turn of the teacher's keeps
the teacher's own spelling and token ids, once they are proved to spell what was accepted: so its distribution
belongs to the same tokens. Otherwise the text is tokenized again, and there is no stored distribution. What
the student sees is the conversation; what the teacher saw, examples and all, is kept beside it.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from factory.chat_formats.format import ChatFormat
from factory.errors import FactoryError
from factory.tasks.conversation import Conversation, Origin
from factory.tasks.kind import Kind
from factory.tasks.settings import DataSettings
from factory.tasks.teacher_words import Fault, Piece, TeacherAnswer, spell_turn
from factory.tasks.tokenizer import ChatTokenizer, encode, encode_after, render

IGNORED = -100


@dataclass(frozen=True)
class TeacherSpan:
    """Where words of the teacher's stand in a row: a call's JSON, or a whole turn.

    `start` and `length` are places in `input_ids`; a length of 0 says that nothing there is the teacher's.
    `teacher_ids` is the teacher's prompt and what it wrote up to the end of the span, empty if its tokenizer
    is another one or not here, or if a person edited question or words. `topk_ids` and `topk_logprobs`
    (length, k) are the stored distribution, by rank; where it cannot be used both are empty and `fault` is
    why (`factory.tasks.stored_distribution`, or `edited`; `other_text`: the stored tokens spell something
    else; `other_form`: the chat format writes a call as other JSON than the teacher was asked for).
    """

    start: int
    length: int
    teacher_ids: list[int]
    topk_ids: list[list[int]]
    topk_logprobs: list[list[float]]
    fault: Fault


@dataclass(frozen=True)
class TrainingRow:
    """One conversation in tokens.

    `input_ids` and `labels` have the same length; labels are `IGNORED` where no loss is taken. `spans` are
    in the order of the tokens. `task` is `label` or `rationale` where a sample is learnt as both, and
    `weight` is what each of its tokens counts. `seed` is the id of the seed that the sample was made from.
    `source` is the name of its source of data, empty where there is one. `calls` holds (start, length) of the
    JSON of each call that is learnt.
    """

    sample_id: str
    input_ids: list[int]
    labels: list[int]
    spans: tuple[TeacherSpan, ...] = ()
    task: str = ""
    weight: float = 1.0
    seed: str = ""
    calls: tuple[tuple[int, int], ...] = ()
    source: str = ""

    @property
    def fault(self) -> Fault:
        """Why no stored distribution can be used, nothing where one can."""
        faults = [span.fault for span in self.spans]
        return faults[0] if all(faults) and faults else ""

    def weights(self, call: float) -> list[float]:
        """Return what each token counts, (length,): the row's weight, times `call` for a token of a call."""
        weights = [self.weight] * len(self.input_ids)
        for start, length in self.calls:
            weights[start : start + length] = [self.weight * call] * length
        return weights


@dataclass(frozen=True)
class RowBuilder:
    """Makes the rows of conversations in one chat format.

    `student` carries the template of `chat_format`. `teacher` is its tokenizer, None where it is not here.
    `own_tokens`: the stored tokens may be the student's tokens. `vocabulary` is how many tokens the student's
    model knows.
    """

    chat_format: ChatFormat
    student: ChatTokenizer
    teacher: ChatTokenizer | None
    own_tokens: bool
    vocabulary: int

    def rows(
        self,
        kind: Kind[Any, Any],
        data: DataSettings,
        sample: dict[str, Any],
        conversation: Conversation,
        answers: Mapping[str, dict[str, Any]],
    ) -> list[TrainingRow]:
        """Return the rows of an accepted sample, a row of `samples`, as its kind has it learnt; `row` says
        what the others are."""
        weights = kind.task_weights(data.model_dump())
        return [
            self.row(
                lesson,
                answers,
                partial(kind.wrote, sample, data),
                conversation.question,
                sample_id=sample["sample_id"],
                seed=sample["seed_id"],
                task=lesson.task,
                weight=weights.get(lesson.task, 1.0),
            )
            for lesson in kind.lessons(conversation, sample["answer"])
        ]

    def row(
        self,
        conversation: Conversation,
        answers: Mapping[str, dict[str, Any]],
        wrote: Callable[[dict[str, Any], str], str | None],
        asked: str | None = None,
        **about: Any,
    ) -> TrainingRow:
        """Return the row of one conversation.

        `answers` are rows of `generations` by request key: messages, text, token_ids, token_logprobs,
        topk_ids, topk_logprobs (each or None). `wrote` returns what of a teacher's text belongs in a message,
        None where it says something else. `asked` is the question that the teacher had to be asked, that of
        the conversation if it is None. `about` fills the other fields. Raises FactoryError where the template
        renders a turn otherwise once others follow.
        """
        tokens = _Tokens(self.student)
        rendered = ""
        question = conversation.question if asked is None else asked
        for place, origin in conversation.turns:
            prompt, turn = self._turn(conversation, place)
            if not prompt.startswith(rendered):
                raise FactoryError(
                    f"the {self.chat_format.title} chat format renders an earlier turn otherwise once "
                    "another one follows",
                    "Use another student.format, or conversations of one turn.",
                )
            tokens.add([Piece(prompt[len(rendered) :])], learnt=False)
            tokens.add(self._pieces(conversation, place, origin, turn, answers, wrote, question), learnt=True)
            rendered = prompt + turn
        spans = tuple(itertools.starmap(self._span, tokens.taught))
        return TrainingRow(
            input_ids=tokens.ids, labels=tokens.labels, spans=spans, calls=tuple(tokens.calls), **about
        )

    def _turn(self, conversation: Conversation, place: int) -> tuple[str, str]:
        """Return the text before a turn of the assistant, and the turn with its end."""
        messages, tools = conversation.messages, conversation.tools
        write = self.chat_format.render
        prompt = write(messages[:place], tools, tokenizer=self.student, generate=True)
        whole = write(messages[: place + 1], tools, tokenizer=self.student)
        if not whole.startswith(prompt):
            raise FactoryError(f"the {self.chat_format.title} chat format has no beginning of a turn")
        return prompt, whole[len(prompt) :].removesuffix(self.chat_format.after_turn)

    def _pieces(
        self,
        conversation: Conversation,
        place: int,
        origin: Origin,
        turn: str,
        answers: Mapping[str, dict[str, Any]],
        wrote: Callable[[dict[str, Any], str], str | None],
        question: str,
    ) -> list[Piece]:
        message = conversation.messages[place]
        if origin.by != "teacher":
            return spell_turn(self.chat_format, message, turn, None)
        answer = answers.get(origin.request_key)
        if answer is None:
            return spell_turn(self.chat_format, message, turn, "no_logprobs")
        words = TeacherAnswer(
            answer, wrote(message, answer["text"]), self.student, self.own_tokens, self.vocabulary
        )
        before = sum(one["role"] == "assistant" for one in conversation.messages[:place])
        asked = words.was_asked(question, before)
        return spell_turn(self.chat_format, message, turn, words if asked else "edited")

    def _span(self, piece: Piece, start: int, ids: list[int]) -> TeacherSpan:
        taught = piece.taught
        assert taught is not None
        teacher_ids: list[int] = []
        if self.teacher is not None and ids and taught.asked is not None:
            prompt = render(self.teacher, taught.asked, None, generate=True)
            teacher_ids = [*encode(self.teacher, prompt), *taught.before, *ids]
        return TeacherSpan(start, len(ids), teacher_ids, taught.topk_ids, taught.topk_logprobs, taught.fault)


class _Tokens:
    """The tokens of a row as they come together, and where its calls and the teacher's words are."""

    def __init__(self, student: ChatTokenizer):
        self._student, self._text = student, ""
        self.ids: list[int] = []
        self.labels: list[int] = []
        self.taught: list[tuple[Piece, int, list[int]]] = []
        self.calls: list[tuple[int, int]] = []

    def add(self, pieces: list[Piece], *, learnt: bool) -> None:
        """Add pieces of text; what is between two that have tokens of their own is tokenized in one."""
        for own, group in itertools.groupby(pieces, lambda piece: piece.ids is not None):
            if not own:
                self._tokenize(list(group), learnt)
                continue
            for piece in group:
                self._note(piece, piece.ids or [])
                self._put(piece.ids or [], piece.text, learnt)

    def _tokenize(self, pieces: list[Piece], learnt: bool) -> None:
        text = "".join(piece.text for piece in pieces)
        ids, begun = encode_after(self._student, self._text, text), 0
        for piece in pieces:
            ended = begun + len(piece.text)
            if piece.taught or piece.is_call:
                start, end = (self._shared(ids, text[:place]) for place in (begun, ended))
                self._note(piece, ids[start:end], start)
            begun = ended
        self._put(ids, text, learnt)

    def _shared(self, ids: list[int], text: str) -> int:
        """Return how many of the tokens are those of `text` alone: the last one of a call may be one with
        what closes it."""
        pairs = zip(ids, encode_after(self._student, self._text, text), strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

    def _note(self, piece: Piece, ids: list[int], start: int = 0) -> None:
        start += len(self.ids)
        if piece.taught:
            self.taught.append((piece, start, ids))
        if piece.is_call:
            self.calls.append((start, len(ids)))

    def _put(self, ids: list[int], text: str, learnt: bool) -> None:
        self.ids += ids
        self.labels += ids if learnt else [IGNORED] * len(ids)
        self._text += text
