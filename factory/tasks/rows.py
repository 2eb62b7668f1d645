"""From accepted samples to token rows.

Promise: the loss is taken on the assistant's tokens only, each turn's end with it. What the teacher wrote
keeps its own token ids, once they are proved to spell what was accepted, so that the teacher's distribution
belongs to the same tokens; otherwise the text is tokenized again, and there is no stored distribution. What
the student sees is the bare question; what the teacher saw, examples and all, is kept beside it. The text of
a row is exactly what the student's chat template renders.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from factory.chat_formats.format import ChatFormat
from factory.tasks.stored_distribution import stored_fault
from factory.tasks.tokenizer import ChatTokenizer
from factory.text.reasons import ReasonCode
from factory.text.thinking import without_thinking

IGNORED = -100
LABEL = "label"  # the task of a row that is an answer alone: the teacher wrote nothing of it


@dataclass(frozen=True)
class TrainingRow:
    """One sample in tokens.

    `input_ids` and `labels` have the same length; labels are `IGNORED` where no loss is taken. `span_start`
    and `span_length` say where the teacher's own words stand in `input_ids`: a call's JSON, or a whole
    turn. `teacher_ids` is the teacher's prompt followed by the same tokens, empty if the teacher's tokenizer
    is another one or not here, or if a person edited question or words. `topk_ids` and `topk_logprobs`
    (span_length, k) are the stored distribution, by rank; where it cannot be used both are empty and
    `fault` is why (`factory.tasks.stored_distribution`, or `edited`, or `other_text`: the stored tokens spell
    something else, or `other_form`: the chat format writes a call as other JSON than the teacher was asked
    for). `task` is `label` or `rationale` where a sample is learnt as both, and `weight` is what
    each of its tokens counts. `seed` is the id of the seed that the sample was made from. `calls`: what the
    teacher wrote is a call, and no answer in words.
    """

    sample_id: str
    input_ids: list[int]
    labels: list[int]
    span_start: int
    span_length: int
    teacher_ids: list[int]
    topk_ids: list[list[int]]
    topk_logprobs: list[list[float]]
    fault: ReasonCode | Literal[""]
    task: str = ""
    weight: float = 1.0
    seed: str = ""
    calls: bool = True

    def weights(self, call: float) -> list[float]:
        """Return what each token counts, (length,): the row's weight, times `call` for a token of the
        teacher's call."""
        span_weight = call if self.calls else 1.0
        end = self.span_start + self.span_length
        return [
            self.weight * (span_weight if self.span_start <= place < end else 1.0)
            for place in range(len(self.input_ids))
        ]


def build_words_row(
    sample: dict[str, Any],
    student: ChatTokenizer,
    teacher: ChatTokenizer | None,
    chat_format: ChatFormat,
    *,
    own_tokens: bool,
    vocabulary: int,
) -> TrainingRow:
    """Return the row of one accepted sample that is a question and an answer in words.

    `sample` has sample_id, seed_id, messages, tools, text, token_ids, token_logprobs, topk_ids, topk_logprobs
    (each or None) and teacher_messages, JSON columns as text. `student` carries the template of
    `chat_format`. `teacher` is its tokenizer, None where it is not here. `own_tokens`: the stored tokens may
    be the student's tokens. `vocabulary` is how many tokens the student's model knows.
    """
    messages, tools = json.loads(sample["messages"]), json.loads(sample["tools"])
    prompt = chat_format.render(messages[:1], tools, tokenizer=student, generate=True)
    said = without_thinking(sample["text"])
    same = said.strip() == messages[1]["content"]
    words = own_words(
        sample,
        messages,
        student,
        (prompt, chat_format.turn_end),
        same=same,
        own_tokens=own_tokens,
        vocabulary=vocabulary,
    )
    if same and said != sample["text"]:
        # What was thought before the answer is no part of it.
        ids = encode_after(student, prompt, messages[1]["content"] + chat_format.turn_end)
        words = Words(ids, 0, "other_text", [], [])
    return words_row(sample, encode(student, prompt), words, teacher)


@dataclass(frozen=True)
class Words:
    """An assistant's whole turn in tokens, its end with it: how many of them the teacher wrote, from the
    first on, and why that is none or why their stored distribution, (span_length, k), is empty."""

    ids: list[int]
    span_length: int
    fault: ReasonCode | Literal[""]
    topk_ids: list[list[int]]
    topk_logprobs: list[list[float]]


def own_words(
    sample: dict[str, Any],
    messages: list[dict[str, Any]],
    student: ChatTokenizer,
    around: tuple[str, str],
    *,
    same: bool,
    own_tokens: bool,
    vocabulary: int,
) -> Words:
    """Return the turn of `messages`, question and answer; `around` is the prompt and the end of the turn,
    `same`: what was accepted is what the teacher wrote."""
    prompt, turn_end = around
    end = encode(student, turn_end)
    if json.loads(sample["teacher_messages"])[-1]["content"] != messages[0]["content"] or not same:
        return Words(encode_after(student, prompt, messages[1]["content"] + turn_end), 0, "edited", [], [])
    ids = list(sample["token_ids"] or ())
    body = ids[:-1] if ids and ids[-1] in student.all_special_ids else ids
    if not body or not own_tokens or student.decode(body, skip_special_tokens=True) != sample["text"]:
        return Words(
            encode_after(student, prompt, messages[1]["content"] + turn_end),
            0,
            "no_logprobs" if sample["token_ids"] is None else "other_text",
            [],
            [],
        )
    span_length = len(ids) if ids[-1:] == end else len(body)
    columns = sample["topk_ids"], sample["topk_logprobs"]
    fault = stored_fault(sample["token_ids"], sample["token_logprobs"], *columns, vocabulary)
    topk_ids, topk_logprobs = (
        ([], []) if fault else (list(map(list, column[:span_length])) for column in columns)
    )
    return Words(body + end, span_length, fault, topk_ids, topk_logprobs)


def words_row(
    sample: dict[str, Any],
    prompt: list[int],
    words: Words,
    teacher: ChatTokenizer | None,
    task: str = "",
    weight: float = 1.0,
) -> TrainingRow:
    """Return the row of a whole turn after `prompt`; its `teacher_ids` are empty where the teacher wrote
    nothing of it or its tokenizer is not here."""
    teacher_ids: list[int] = []
    if teacher is not None and words.span_length:
        asked = render(teacher, json.loads(sample["teacher_messages"]), None, generate=True)
        teacher_ids = encode(teacher, asked) + words.ids[: words.span_length]
    return TrainingRow(
        sample["sample_id"],
        prompt + words.ids,
        [IGNORED] * len(prompt) + words.ids,
        len(prompt),
        words.span_length,
        teacher_ids,
        words.topk_ids,
        words.topk_logprobs,
        words.fault,
        task,
        weight,
        sample["seed_id"],
        calls=False,
    )


def render(
    tokenizer: ChatTokenizer,
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
    *,
    generate: bool = False,
) -> str:
    return str(
        tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=generate)
    )


def encode(tokenizer: ChatTokenizer, text: str) -> list[int]:
    """Return the tokens of a text that nothing is before."""
    return list(tokenizer.encode(text, add_special_tokens=False))


def encode_after(tokenizer: ChatTokenizer, before: str, text: str) -> list[int]:
    """Return the tokens of `text` where `before` is before it: some tokenizers put a space before the first
    word of whatever they are given."""
    head, whole = encode(tokenizer, before), encode(tokenizer, before + text)
    return whole[len(head) :] if whole[: len(head)] == head else encode(tokenizer, text)
